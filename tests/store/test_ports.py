"""The store offers exactly what the ports ask for."""

from __future__ import annotations

import inspect

import pytest

from liftwright import ports
from liftwright.store.approvals import SqlApprovals
from liftwright.store.campaigns import SqlCampaigns
from liftwright.store.journal import SqlJournal
from liftwright.store.lake import ParquetLake
from liftwright.store.ledger import SqlLedger
from liftwright.store.lessons import SqlLessons
from liftwright.store.locks import SqlLocks
from liftwright.store.models import SqlModels
from liftwright.store.notices import SqlNotices
from liftwright.store.requests import SqlRequests
from liftwright.store.sharing import SqlSharing
from liftwright.store.talks import SqlTalks
from liftwright.store.users import SqlUsers

PAIRS = [
    (ports.Lake, ParquetLake),
    (ports.Campaigns, SqlCampaigns),
    (ports.Approvals, SqlApprovals),
    (ports.Ledger, SqlLedger),
    (ports.Journal, SqlJournal),
    (ports.Lessons, SqlLessons),
    (ports.Models, SqlModels),
    (ports.Locks, SqlLocks),
    (ports.Requests, SqlRequests),
    (ports.Talks, SqlTalks),
    (ports.Notices, SqlNotices),
    (ports.Users, SqlUsers),
    (ports.Sharing, SqlSharing),
]


@pytest.mark.parametrize(("port", "adapter"), PAIRS, ids=[port.__name__ for port, _ in PAIRS])
def test_every_method_of_a_port_is_there_with_the_same_signature(port, adapter):
    methods = {name: method for name, method in vars(port).items() if inspect.isfunction(method) and name[0] != "_"}
    assert methods
    for name, method in methods.items():
        asked, offered = inspect.signature(method), inspect.signature(getattr(adapter, name))
        assert [(p.name, p.kind, p.default) for p in asked.parameters.values()][1:] == [
            (p.name, p.kind, p.default) for p in offered.parameters.values()
        ][1:], name
