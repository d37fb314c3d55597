"""From rows to a report: figures with intervals, a page, its JSON, and their signature."""
