"""Editing a model's text: what was meant, and nothing else."""

import msgspec
import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import RiskModel, Spread
from halfdoor.core.risk.experts.addresses import numbers
from halfdoor.readers.toml import parse_toml
from halfdoor.services.model_edit import Edit, edited
from worlds import risk_models

POOL = Spread(
    pool=(Spread(p5=0.1, p50=0.2, p95=0.3, expert="a"), Spread(p5=1e-7, p50=0.5, p95=0.75, expert="é"))
)


def read(text):
    return parse_toml(text.encode(), RiskModel, "model.toml")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(risk_models(), st.data())
def test_any_numbers_of_any_model_can_be_replaced(model, data):
    text = tomlkit.dumps(msgspec.to_builtins(model))
    found = numbers(read(text))
    chosen = data.draw(st.sets(st.sampled_from(sorted(found)), min_size=1, max_size=6))
    result = numbers(read(edited(text, [Edit(found[address].key, POOL) for address in chosen])))
    assert result.keys() == found.keys()
    for address, number in result.items():
        assert number.now == (POOL if address in chosen else found[address].now)


FORMS = {
    "inline": "reach = [{actor = 'a', group = 'vetted', p = {p5 = 0.1, p95 = 0.3}, judgement = 'j'}] # r\n",
    "dotted": "[[reach]] # r\nactor = 'a'\ngroup = 'vetted'\np.p5 = 0.1\np.p95 = 0.3\njudgement = 'j'\n",
    "header": "[[reach]] # r\nactor = 'a'\ngroup = 'vetted'\njudgement = 'j'\n"
    "[reach.p] # p\np5 = 0.1\np95 = 0.3\n",
    "plain": "[[reach]] # r\nactor = 'a'\ngroup = 'vetted'\np = 0.1 # p\njudgement = 'j'\n",
    "indented": "[[reach]] # r\n  actor = 'a'\n  group = 'vetted'\n  p = 0.1   # p\n  judgement = '''j'''\n",
    "crlf": "[[reach]] # r\r\nactor = 'a'\r\ngroup = 'vetted'\r\np = 0.1 # p\r\njudgement = 'j'\r\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_however_a_number_is_written(form):
    head = "schema = 'halfdoor/risk-model/1' # s\nname = 'm'\nversion = '1'\n"
    text = head + FORMS[form] + "# end\n"
    key = numbers(read(text))["reach.a.vetted.p"].key
    result = edited(text, [Edit(key, POOL), Edit((*key[:-1], "judgement"), "new"), Edit(("version",), "2")])
    assert numbers(read(result))["reach.a.vetted.p"].now == POOL
    assert read(result).reach[0].judgement == "new"
    assert read(result).version == "2"
    for comment in ("# s", "# r", "# end", *(["# p"] if "# p" in text else [])):
        assert comment in result


def test_what_is_no_toml_is_refused():
    with pytest.raises(InputError) as raised:
        edited("a = [", [Edit(("a",), POOL)])
    assert raised.value.code == "cannot-edit"
