"""The arithmetic of the benchmark."""

import unittest

from figures import Figures, Slice, figures, order_of


class FiguresTest(unittest.TestCase):
    def test_ratio_is_paired_by_round(self):
        mine = [Slice(100, 3000), Slice(100, 2000), Slice(200, 8000)]
        theirs = [Slice(100, 2000), Slice(100, 1000), Slice(100, 4000)]
        self.assertEqual(figures(mine, theirs), Figures(400, 30.0, 20.0, 1.5))

    def test_unequal_rounds_are_an_error(self):
        with self.assertRaises(ValueError):
            figures([Slice(1, 1)], [])

    def test_order_is_reversed_every_other_round(self):
        self.assertEqual([order_of(["a", "b"], n) for n in range(3)], [["a", "b"], ["b", "a"], ["a", "b"]])


if __name__ == "__main__":
    unittest.main()
