"""The arithmetic of the benchmark, and what it makes of targets."""

import unittest

from figures import Figures, Slice, added_us, figures, order_of
from report import added_at_most, as_text, at_most, cheapest, scenario_of, within_bytes


class FiguresTest(unittest.TestCase):
    def test_ratio_is_paired_by_round(self):
        mine = [Slice(100, 3000), Slice(100, 2000), Slice(200, 8000)]
        theirs = [Slice(100, 2000), Slice(100, 1000), Slice(100, 4000)]
        self.assertEqual(figures(mine, theirs), Figures(400, 30.0, 20.0, 1.5))

    def test_what_is_added_is_paired_by_round(self):
        mine = [Slice(100, 3000), Slice(100, 2000), Slice(200, 8000)]
        theirs = [Slice(100, 2000), Slice(100, 1900), Slice(100, 4000)]
        self.assertEqual(added_us(mine, theirs), 1.0)

    def test_unequal_rounds_are_an_error(self):
        with self.assertRaises(ValueError):
            figures([Slice(1, 1)], [])

    def test_order_is_reversed_every_other_round(self):
        self.assertEqual([order_of(["a", "b"], n) for n in range(3)], [["a", "b"], ["b", "a"], ["a", "b"]])


class TargetsTest(unittest.TestCase):
    SLICES = {"nginx": [Slice(10, 1000)], "portcullis": [Slice(10, 1200)], "envoy": [Slice(10, 2000)]}

    def verdict(self, target, memory=None):
        report = scenario_of("s", "what", "request", self.SLICES, [target], memory=memory)
        return report["targets"][0]["verdict"]

    def test_additions(self):
        self.assertEqual(self.verdict(added_at_most("portcullis", "nginx", 20)), "met")
        self.assertEqual(self.verdict(added_at_most("portcullis", "nginx", 19)), "missed")
        self.assertEqual(self.verdict(added_at_most("haproxy", "nginx", 19)), "not measured")

    def test_ratios(self):
        for ratio_max, expected in [(1.25, "met"), (1.2, "met"), (1.1, "missed")]:
            self.assertEqual(self.verdict(at_most("portcullis", ratio_max, "nginx")), expected)

    def test_what_is_not_there_is_not_met(self):
        for target in [at_most("haproxy", 9, "nginx"), cheapest("haproxy", ["nginx"]), within_bytes("haproxy", 1)]:
            self.assertEqual(self.verdict(target), "not measured")

    def test_cheapest(self):
        for name, expected in [("nginx", "met"), ("portcullis", "missed")]:
            self.assertEqual(self.verdict(cheapest(name, list(self.SLICES))), expected)

    def test_memory(self):
        memory = {"portcullis": {"alone_bytes": 1, "idle_bytes": 150}}
        self.assertEqual(self.verdict(within_bytes("portcullis", 150), memory), "met")
        self.assertEqual(self.verdict(within_bytes("portcullis", 149), memory), "missed")

    def test_text_tells_who_is_absent(self):
        scenario = scenario_of("s", "what", "request", self.SLICES, [], {"haproxy": "it has no legs"})
        facts = {"cpu": "c", "cores": 2, "memory_mib": 1, "system": "s", "kernel": "k", "load_before": 0.0, "versions": {}}
        text = as_text({"machine": facts, "method": {"rounds": 1, "seconds": 1}, "scenarios": [scenario]})
        self.assertIn("not measured: it has no legs", text)
        self.assertIn("1.20x", text)


if __name__ == "__main__":
    unittest.main()
