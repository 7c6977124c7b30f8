"""Campaigns that contradict each other: found when the later one comes in, counted as doubtful both, settled by the next one.

One contradiction does not say who is wrong: the market may have turned, or either measurement may be false. So both sides keep only what
their gap leaves of them. The campaign after that agrees with one of them, as a rule; the other is set aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from liftwright.planning.priors import Belief, Floats, Shown, spreads_of, surprise

SURE_Z = 3.29
"""Standard errors (p = 0.001) by which a campaign has to miss what earlier ones foretold."""
EVERY_CHANNEL = "all channels"


@dataclass(frozen=True)
class Settled:
    """Estimates that count, disputed ones with larger errors; sources of those set aside; both told in words, subject by subject."""

    active: tuple[Shown, ...]
    set_aside: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


@dataclass
class _Dispute:
    """Two sides about one subject, and how far they are apart."""

    earlier: list[Shown]
    later: list[Shown]
    gap: float


@dataclass
class _Court:
    belief: Belief
    kept: list[Shown] = field(default_factory=list)
    open: dict[str, _Dispute] = field(default_factory=dict)
    gone: list[Shown] = field(default_factory=list)
    says: list[str] = field(default_factory=list)

    def hear(self, campaign: Sequence[Shown]) -> None:
        """Take in one campaign, later than all before."""
        spreads = spreads_of(self.kept, belief=self.belief)
        for subject in sorted({subject_of(each) for each in campaign}):
            mine = [each for each in campaign if subject_of(each) == subject]
            if subject in self.open:
                self._settle(subject, mine, spreads)
            else:
                known = [each for each in self.kept if subject_of(each) == subject]
                self._compare(subject, known, mine, spreads)

    def _compare(self, subject: str, known: list[Shown], mine: list[Shown], spreads: Floats) -> None:
        """Keep what fits what is known of a subject; open a dispute about what does not."""
        gap = self._gap(known, mine, spreads)[0] if known else 0.0
        self.kept = [each for each in self.kept if subject_of(each) != subject]
        if not gap:
            self.kept += [*known, *mine]
            return
        self.open[subject] = _Dispute(known, mine, gap)
        self.says.append(f"{subject}: {_names(mine)} contradicts {_names(known)}; neither counts in full until the next campaign")

    def _gap(self, earlier: list[Shown], later: list[Shown], spreads: Floats) -> tuple[float, float]:
        """The gap where it is sure, else 0; and how many errors it is wide."""
        others = [each for each in self.kept if subject_of(each) != subject_of(later[0])]
        gap, error = surprise([*others, *earlier], later, belief=self.belief, spreads=spreads)
        width = abs(gap) / error if error > 0 else 0.0
        return (gap if width > SURE_Z else 0.0), width

    def _settle(self, subject: str, mine: list[Shown], spreads: Floats) -> None:
        """The side that the new campaign fits better wins where it contradicts the other."""
        both = self.open.pop(subject)
        against_earlier, against_later = (self._gap(side, mine, spreads) for side in (both.earlier, both.later))
        if not against_earlier[0] and not against_later[0]:
            self.open[subject] = _Dispute(both.earlier, [*both.later, *mine], both.gap)
            return
        earlier_wins = against_earlier[1] < against_later[1]
        winner, loser = (both.earlier, both.later) if earlier_wins else (both.later, both.earlier)
        self.gone += loser
        self.says.append(f"{subject}: {_names(loser)} is set aside, contradicted by {_names(mine)}")
        self._compare(subject, winner, mine, spreads)


def settle(shown: Sequence[Shown], *, belief: Belief) -> Settled:
    """Judge estimates campaign by campaign, the oldest first."""
    court = _Court(belief)
    age = {each.campaign: each.age_days for each in shown}
    for campaign in sorted(age, key=lambda name: (-age[name], name)):
        court.hear([each for each in shown if each.campaign == campaign])
    doubtful = [
        replace(each, error=(each.error**2 + dispute.gap**2) ** 0.5)
        for dispute in court.open.values()
        for each in (*dispute.earlier, *dispute.later)
    ]
    return Settled((*court.kept, *doubtful), tuple(each.source for each in court.gone), tuple(court.says))


def subject_of(shown: Shown) -> str:
    """The channel an estimate is about."""
    channels = {cell.channel for cell in shown.cells}
    return channels.pop() if len(channels) == 1 else EVERY_CHANNEL


def _names(shown: Sequence[Shown]) -> str:
    names = list(dict.fromkeys(each.campaign for each in shown))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
