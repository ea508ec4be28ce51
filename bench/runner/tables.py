"""Markdown tables, and the sections of bench/RESULTS.md that they fill."""

import re


def number(value):
    """Three significant digits or whole numbers, thousands apart."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def table(headings, rows):
    """The first column is text, the others are numbers."""
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1)]
    lines += ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def section(text, part, body):
    """`text` with what stands between the part's two marks replaced. The prose around them stays."""
    begin, end = f"<!-- {part}: written by tools/bench -->", f"<!-- {part}: end -->"
    block = f"{begin}\n{body}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _: block, text)
    return text.rstrip("\n") + f"\n\n## {part}\n\n{block}\n"
