"""Settings: one object, checked when it is made, the same from a call, an object and a file."""

import dataclasses

import pytest

from cflib import ALSSettings, BayesSettings, ImplicitSettings, fit_als, models
from cflib.settings import Settings

ALL = sorted(Settings.by_solver.items())
assert models  # importing the models registers their settings


@pytest.mark.parametrize(("solver", "kind"), ALL, ids=[name for name, _ in ALL])
def test_every_field_has_a_sentence_and_a_default(solver, kind):
    settings = kind()
    for field in dataclasses.fields(settings):
        assert field.metadata["about"].endswith("."), field.name
        assert field.default is not dataclasses.MISSING
    assert Settings.from_dict(settings.to_dict()) == (settings, {})


@pytest.mark.parametrize(("solver", "kind"), ALL, ids=[name for name, _ in ALL])
def test_every_limit_is_kept(solver, kind):
    for field in dataclasses.fields(kind):
        for bound, beyond in ((field.metadata["least"], -1), (field.metadata["above"], 0)):
            if bound is not None:
                with pytest.raises(ValueError, match=f"`{field.name}` should be"):
                    kind(**{field.name: bound + beyond})


def test_a_call_an_object_and_changes_to_it_give_the_same_model(ratings):
    by_name = fit_als(ratings, n_features=3, lam=2.0, iterations=2)
    settings = ALSSettings(n_features=3, lam=2.0, iterations=2)
    by_object = fit_als(ratings, settings)
    changed = fit_als(ratings, ALSSettings(n_features=3, iterations=2), lam=2.0)
    assert by_name.settings == by_object.settings == changed.settings == settings
    assert (by_name.X == by_object.X).all() and (by_name.X == changed.X).all()


@pytest.mark.parametrize(
    ("name", "nearest"), [("lamda", "lam"), ("sweeps", "iterations"), ("features", "n_features")]
)
def test_a_name_that_is_no_setting_is_refused_with_the_nearest(ratings, name, nearest):
    with pytest.raises(TypeError, match=f"no setting `{name}`; the nearest is `{nearest}`"):
        fit_als(ratings, **{name: 3})


@pytest.mark.parametrize("value", ["many", None, [1], float("nan"), 2.5])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="`n_features` should be a positive integer"):
        ALSSettings(n_features=value)


def test_settings_of_another_model_are_refused(ratings):
    with pytest.raises(TypeError, match="should be ALSSettings. Received: BayesSettings"):
        fit_als(ratings, BayesSettings())


def test_what_a_file_holds_besides_settings_is_handed_back():
    stored = {"solver": "als", "sweeps": 7, "columns": {"user": "reader"}}
    settings, rest = Settings.from_dict(stored)
    assert settings == ALSSettings(iterations=7) and rest == {"columns": {"user": "reader"}}


def test_a_solver_that_is_not_known_is_named():
    with pytest.raises(ValueError, match="trained by 'sorcery'"):
        Settings.from_dict({"solver": "sorcery"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalization": "movie_usr"}, "`normalization` should be one of none, global"),
        ({"movie_bias": "no"}, "`movie_bias` should be True or False. Received: 'no'"),
        ({"damping": -1}, "`damping` should be 0 or more"),
        ({"lam": None}, "`lam` should be 0 or more. Received: None"),
    ],
)
def test_what_no_model_can_be_trained_with_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ALSSettings(**changes)


def test_a_whole_number_may_be_written_as_a_float():
    settings = ALSSettings(n_features=4.0)
    assert settings.n_features == 4 and type(settings.n_features) is int
    assert ImplicitSettings(threshold=None).threshold is None


def test_two_models_cannot_have_one_solver():
    with pytest.raises(TypeError, match="the solver 'als' has settings already: ALSSettings"):

        class Other(Settings, solver="als"):
            """Another model's."""
