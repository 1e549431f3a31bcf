"""What the log alone says of what is open: for whoever has nothing but its entries."""

from halfdoor.core.canonical import digest
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.log.events import access, openness
from permitted import cells


class Witness:
    """Reads the log as it grows."""

    def __init__(self, house, configurations):
        self.house = house
        self.leaves, self.events = [], []
        self.configurations = {digest(named(one)): one for one in configurations}

    def look(self, tag=None):
        """All events; or those of one kind."""
        new = self.house.leaves(len(self.leaves))
        self.leaves += new
        self.events += map(decode_entry, new)
        return [e for e in self.events if tag is None or type(e).__struct_config__.tag == tag]

    def _of(self, kind, **fields):
        return [
            event
            for event in self.events
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    def check_opened(self, version, standing):
        """The stage that is open, its decision, and two people who approved it, stand in the log."""
        self.look()
        plan = self._of(openness.PlanStarted, version=version)[-1]
        (stage,) = self._of(openness.StageAdvanced, plan=plan.plan, stage=standing.stage)
        (adopted,) = self._of(openness.DecisionAdopted, decision=plan.decision)
        (proposed,) = self._of(openness.DecisionProposed, decision=plan.decision)
        approvals = self._of(openness.DecisionApproved, decision=plan.decision)
        people = {one.by for one in approvals} - {proposed.by, None}
        assert len(people) >= 2, "fewer than two people decided it"
        assert len({one.seen for one in approvals}) == 1, "they did not approve the same"
        assert adopted.configuration == proposed.configuration
        opened = {(item, group) for item, groups in standing.opened.items() for group in groups}
        decided = cells(self.configurations[adopted.configuration])
        assert opened <= cells(self.configurations[stage.configuration]) <= decided
        assert not self._of(openness.PlanHalted, plan=plan.plan)
        assert not self._of(openness.PlanWithdrawn, plan=plan.plan)
        assert not self._of(openness.DecisionEnded, decision=plan.decision)

    def check_grants(self, model):
        """Each live token and its grant stand in the log, and nothing there says that they were revoked."""
        self.look()
        for token in model.tokens:
            grant = token.grant
            if token.revoked or grant is None or not model.live(grant) or model.now >= token.until:
                continue
            (issued,) = self._of(access.TokenIssued, token=token.id)
            assert issued.grant == grant.id
            (given,) = self._of(access.GrantIssued, grant=grant.id)
            assert (given.version, given.group) == (grant.version, grant.group)
            assert set(given.items) == set(grant.items)
            assert given.by not in {None, grant.person}, "granted by nobody, or by the holder"
            assert not self._of(access.TokenRevoked, token=token.id)
            assert not self._of(access.GrantRevoked, grant=grant.id)

    def check_private(self, *texts):
        """None of these occurs in any entry."""
        self.look()
        whole = b"\n".join(self.leaves)
        for text in texts:
            assert text.encode() not in whole


def named(configuration):
    """As a decision or a stage names it."""
    return {item: list(groups) for item, groups in sorted(configuration.items())}
