"""What a person sees while Snakemake runs the workflow; shown by the logger plugin `videossl`.

`notes` is what the workflow tells the display, `progress` what is known of the run, `time_left` the estimate, `words`
the texts, and `display` writes them to a terminal or a file. Imports neither torch nor pandas.
"""
