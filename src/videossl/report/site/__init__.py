"""The HTML report: one file with the study's tables, figures and claims, and behind each number its run.

`page.py` gathers it from the records of tables and figures (`videossl.report.record`), and the templates in
`report/templates/site` write it, with a style sheet and a script. Nothing is loaded when it is opened.
"""
