"""The HTML report: one file with the study's tables, figures and claims, and with the run behind each number.

`page.py` collects the content from the records of tables and figures (`videossl.report.record`). The templates in
`report/templates/site` render it, with a style sheet and a script. The page loads no other files.
"""
