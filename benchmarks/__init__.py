"""Measurements. `scripts/bench` runs them and writes docs/performance.md."""
