"""Long queries draw nothing on anybody's screen."""

from liftwright.audience import database


def test_no_progress_bar_is_drawn() -> None:
    with database.connect() as db:
        assert db.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
