import sys
from hypothesis import given, settings, Phase, seed
import tests.property.test_the_past as t
@seed(int(__import__("os").environ.get("SEED","1")))
@settings(t.COMMON, max_examples=int(__import__("os").environ.get("N","10")), phases=[Phase.generate], report_multiple_bugs=False)
@given(history=t.histories(), chosen=t.heights)
def test_it(databases, history, chosen):
    t.holds(databases, history, chosen)
short_reach=t.short_reach
