"""Ratios measured in one run, ours against another, on the machine at hand."""
