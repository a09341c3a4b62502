"""The course: what turns the notebooks of this repository into chapters that can be trusted.

It stands on the library `cflib`, and the library never imports it.

    chapter     what chapters import: a function's source, what a run records and shares
    figures     what chapters draw: a module for each chapter
    sliders     pictures that a reader turns
    example     the example that chapters work by hand
    checks      what an exercise answers
    panel       the panel in which a reader rates movies; app/ serves it alone
    run         all chapters in order, with your parameters, into one folder
    sweep       one chapter with many settings
    notebooks   what a committed chapter has to be, and how it is executed again
    exercises   exercises made from their solutions
    page        executed chapters as one HTML page
    site        the whole course as a site; page_check finds its flaws
    doctor      whether everything is here that the course needs
    commands    all of these as commands: `cflib run`, `cflib sweep`, ...
"""

__version__ = "0.2.0"
