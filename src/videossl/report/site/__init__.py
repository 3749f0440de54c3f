"""The HTML report: one file with the study's tables, figures and claims, and behind each number its run.

`page.py` puts it together from the records of tables and figures (`videossl.report.record`); `report.css` and
`report.js` go into it as they are. Nothing is loaded when it is opened.
"""
