"""cflib: collaborative filtering by matrix factorisation, small enough to read in an afternoon.

Rows are movies and columns are users, everywhere. Data flows one way through the rooms:
file -> `data` -> `split` -> `normalize` -> `train` -> `model` -> `evaluate`, `inspection` -> `plots`.
`runs` executes the chapters with papermill.
"""

__version__ = "0.1.0"
