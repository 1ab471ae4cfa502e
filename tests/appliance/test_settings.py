"""The configuration file: the example equals the defaults and shows every key; mistakes are reported together."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.offline.recipe import run_recipe
from appliance.peer_settings import Destination, Sender
from appliance.settings import EXAMPLE, ServiceSettings, Settings, StudySettings, load_settings
from dicom_io.answer_roles import Role
from dicom_io.rules import NO_ASSIGNMENT, SelectionRules
from models.errors import SetupError


def written(folder: Path, text: str) -> Path:
    path = folder / "rdeepnet.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_without_its_peers_is_the_defaults() -> None:
    settings = load_settings(EXAMPLE)
    assert dataclasses.replace(settings, senders=(), destinations=()) == Settings()
    assert settings.senders == (Sender("PACS", ("192.0.2.10",)),)
    assert settings.destinations == (Destination("pacs", "PACS", "192.0.2.10"),)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "")) == Settings()


def keys_of(value: Any) -> dict[str, Any]:
    """Every setting of a dataclass, tables inside included."""
    return {
        field.name: keys_of(child) if dataclasses.is_dataclass(child := getattr(value, field.name)) else None
        for field in dataclasses.fields(value)
    }


def test_the_example_shows_every_key() -> None:
    table = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    settings = load_settings(EXAMPLE)

    def keys(table: dict[str, Any]) -> dict[str, Any]:
        return {key: keys(value) if isinstance(value, dict) else None for key, value in table.items()}

    shown = keys(table)
    assert shown["reading"].pop("defaults", "absent") is None
    held = keys_of(settings)
    held["reading"].pop("models")  # comes from the model packages, not from the file
    assert shown == held
    for name, items in (("senders", settings.senders), ("destinations", settings.destinations)):
        assert set(table[name][0]) == {field.name for field in dataclasses.fields(items[0])}


def test_every_mistake_is_reported_together(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        colour = "blue"
        [service]
        ae_title = "A TITLE THAT IS TOO LONG"
        prot = 104
        port = 70000
        state_dir = 3
        [study]
        idle_s = "long"
        [reading]
        phase = 0
        [[destinations]]
        name = "pacs"
        host = "localhost"
        send = ["key_sr", "poster"]
        [logs]
        format = "xml"
        """,
    )
    with pytest.raises(SetupError) as caught:
        load_settings(path)
    text = str(caught.value)
    for part in (
        "10 mistakes",
        "colour is not known",
        "service.prot is not known; did you mean port?",
        "service.ae_title is 'A TITLE THAT IS TOO LONG'; expected a text that is an AE title",
        "service.port is 70000; expected a whole number from 1 to 65535",
        "service.state_dir is 3; expected a path",
        "study.idle_s is 'long'; expected a number",
        "reading.phase is 0",
        "destinations[1].ae_title is missing; expected a text that is an AE title",
        "destinations[1].send[2] is 'poster'; expected one of",
        'logs.format is \'xml\'; expected one of "keyvalue", "json"',
    ):
        assert part in text, text


def test_mistakes_have_their_line_and_are_in_its_order(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [destinations]
        name = "pacs"
        [study]
        port = 5
        idle_s = 30
        engine = "own"
        [preprocessing]
        cavities = "exlude"
        [[models]]
        provider = "cpu"
        """,
    )
    with pytest.raises(SetupError) as caught:
        load_settings(path)
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "line 2: destinations is one table; expected a list of tables: write [[destinations]] for [destinations]",
        "line 5: study.port is not known; it belongs in [service] or [[destinations]] or [archive] or [web]",
        "line 7: study.engine is not known; it belongs in [features]",
        'line 9: preprocessing.cavities is \'exlude\'; expected one of "exclude", "fill"; did you mean "exclude"?',
        "line 10: models is a list; expected one table: write [models] for [[models]]",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[service]\nport = true", "service.port is True; expected a whole number"),
        ("[service]\nport = 1.5", "service.port is 1.5; expected a whole number"),
        ("[service]\naccept_unknown_senders = 1", "expected true or false"),
        ("service = 3", "service is 3; expected a table"),
        ("[study]\nidle_s = 100\nforce_after_s = 10", "study: force_after_s is 10 and idle_s 100"),
        ("[delivery]\nretry_min_s = 100\nretry_max_s = 10", "delivery: retry_max_s is 10"),
        ('[[senders]]\nae_title = "A"\naddresses = ["10.0.0.1/8"]', "senders[1]: addresses of A: '10.0.0.1/8'"),
        ("[features.settings]\nbin_width = -1", "features.settings: The bin width is -1.0"),
        ('[features.settings]\nbin_count = "many"', "bin_count is 'many'; expected a whole number, or \"none\""),
        ('[[destinations]]\nname="a"\nae_title="A"\nhost="h"\n' * 2, "the name a is duplicated"),
        ("[service\n", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(SetupError) as caught:
        load_settings(written(tmp_path, text))
    assert part in str(caught.value)


def test_an_absent_file_names_the_example(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=EXAMPLE.name.replace(".", r"\.")):
        load_settings(tmp_path / "absent.toml")


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, '[service]\nstate_dir = "state"\n[models]\npackages = ["m/a", "/m/b"]'))
    assert settings.service.state_dir == tmp_path / "state"
    assert settings.models.packages == (tmp_path / "m/a", Path("/m/b"))


def test_the_rules_of_reading_are_read(tmp_path: Path) -> None:
    text = '[reading]\nphase = 2\ndefaults = false\nt2w = [{ name = "ours", matches = { SeriesDescription = "T2" } }]'
    rules = load_settings(written(tmp_path, text)).reading
    assert rules.phase == 2
    assert [rule.name for rule in rules.t2w] == ["ours"]
    assert rules != SelectionRules()


def test_a_value_out_of_range_can_not_be_built_in_code() -> None:
    with pytest.raises(SetupError, match="port is 0"):
        ServiceSettings(port=0)
    with pytest.raises(SetupError, match="idle_s"):
        StudySettings(idle_s=0.0)


def test_the_database_url_is_never_shown(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, '[shared]\ndatabase_url = "postgresql://u:secret@h/d"'))
    assert "secret" not in repr(settings)


# PS3.5 §6.2: 16 characters maximum, default repertoire without backslash and control characters.
@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=16))
def test_every_legal_ae_title_is_accepted(title: str) -> None:
    if title.strip() == title and title:
        assert ServiceSettings(ae_title=title).ae_title == title
    else:
        with pytest.raises(SetupError):
            ServiceSettings(ae_title=title)


@pytest.mark.parametrize("url", ["sqlite:///queue", "mysql://user:secret@host/queue", "host=127.0.0.1 password=secret"])
def test_the_queue_is_on_postgresql_or_sqlite_and_a_password_is_never_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(SetupError, match="database_url is not a PostgreSQL URL") as told:
        load_settings(written(tmp_path, f'[shared]\ndatabase_url = "{url}"\n'))
    assert "secret" not in str(told.value)


def test_the_database_of_the_queue_alone_is_refused_with_where_it_stands_now(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as told:
        load_settings(written(tmp_path, '[jobs]\ndatabase_url = "postgresql://u:secret@h/d"\npoll_s = 0.1\n'))
    assert "jobs.database_url is no longer known" in str(told.value)
    assert "[shared]" in str(told.value)
    assert "rdeepnet status" in str(told.value)
    assert "secret" not in str(told.value)
    assert load_settings(written(tmp_path, "[jobs]\npoll_s = 0.1\n")).jobs.poll_s == 0.1


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ('objects_url = "s3://bucket"', "objects_url is set and database_url is not"),
        ('database_url = "postgresql://h/d"\nobjects_url = "https://bucket"', "expected s3://bucket or"),
        ('database_url = "postgresql://h/d"\nobjects_endpoint = "minio:9000"', "expected https://"),
        ('objects_region = ""', "objects_region is empty"),
    ],
)
def test_a_shared_home_that_can_not_be_is_refused(tmp_path: Path, lines: str, reason: str) -> None:
    with pytest.raises(SetupError, match=reason):
        load_settings(written(tmp_path, f"[shared]\n{lines}\n"))


def test_the_key_of_the_object_store_is_a_file_beside_the_settings(tmp_path: Path) -> None:
    text = '[shared]\ndatabase_url = "postgresql://h/d"\nobjects_url = "s3://images/a"\nobjects_key_file = "key"\n'
    settings = load_settings(written(tmp_path, text))
    assert settings.shared.objects_key_file == tmp_path / "key"
    assert settings.shared.is_used
    assert not Settings().shared.is_used


def test_key_images_are_made_only_where_somebody_asks_for_them(tmp_path: Path) -> None:
    peer = '[[destinations]]\nname = "{}"\nae_title = "PACS"\nhost = "192.0.2.10"\n'
    default = load_settings(written(tmp_path, peer.format("a")))
    assert not default.destinations[0].wants(Role.KEY_IMAGES)
    assert not default.makes_key_images
    asked = load_settings(written(tmp_path, peer.format("a") + peer.format("b") + 'send = ["pdf", "key_images"]\n'))
    assert [one.wants(Role.KEY_IMAGES) for one in asked.destinations] == [False, True]
    assert asked.makes_key_images
    assert load_settings(written(tmp_path, "[report]\nkey_images = true\n")).makes_key_images
    recipes = [run_recipe(one, assignment=NO_ASSIGNMENT) for one in (default, asked)]
    assert [one["report"]["key_images"] for one in recipes] == [False, True]


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ('fhir_url = "https://h/fhir"', r'expected \["fhir"\]'),
        ('send = ["fhir"]\nae_title = "A"\nhost = "h"', "lacks fhir_url or fhir_folder"),
        ('send = ["fhir"]\nfhir_url = "http://h/fhir"', "is not secured"),
        ('send = ["fhir"]\nfhir_url = "https://u:p@h/fhir"', "a user or a password"),
        ('send = ["fhir"]\nfhir_url = "https://h/fhir"\nfhir_folder = "x"', "fhir_url and fhir_folder"),
        ('send = ["fhir", "pdf"]\nfhir_folder = "x"', r'expected \["fhir"\]'),
        ('ae_title = "A"\nhost = "h"\nfhir_token_file = "t"', "lacks fhir_url or fhir_folder"),
    ],
)
def test_a_destination_of_fhir_takes_bundles_and_nothing_else(tmp_path: Path, lines: str, mistake: str) -> None:
    with pytest.raises(SetupError, match=mistake):
        load_settings(written(tmp_path, f'[[destinations]]\nname = "fhir"\n{lines}\n'))


def test_bundles_are_made_where_a_destination_takes_them(tmp_path: Path) -> None:
    text = '[[destinations]]\nname = "fhir"\nfhir_folder = "out"\nsend = ["fhir"]\n'
    settings = load_settings(written(tmp_path, text))
    assert settings.makes_fhir
    assert not Settings().makes_fhir
    (destination,) = settings.destinations
    assert destination.fhir_folder == tmp_path / "out"
    assert [role for role in Role if destination.wants(role)] == [Role.FHIR]
    assert not destination.commits
    assert run_recipe(settings, assignment=NO_ASSIGNMENT)["report"]["fhir"] is True
