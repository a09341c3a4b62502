"""The course's claims, each recomputed over five seeds and two editions of MovieLens' small set.

    python -m benchmarks.claims [CHAPTER or NAME...]     such as ch04, or unseen_movies
    python -m benchmarks.claims --table                  only write the table again

A module has the claims of one chapter. Each function in it that is marked with `claim` is one: its
docstring says it, and it returns what came out and whether it held. A seed decides which fifth is
held out. Where two models are compared, the numbers are paired differences of RMSE with 95%
intervals over users. A chapter's results go to a file of its own in `benchmarks/results/claims`,
and from all of them `benchmarks/results/claims.md` is made.
"""
