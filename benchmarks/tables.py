"""The Markdown helpers that the tables of docs/results.md are made with."""

from waarmerk.bench.report.markdown import grouped, percent, put, source, table

__all__ = ["grouped", "percent", "put", "source", "table"]
