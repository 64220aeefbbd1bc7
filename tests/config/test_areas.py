"""The settings that give the area of interest: one of them, or an error that names them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely

from s2fetch.config import Config, load_config
from s2fetch.embedded.safe import ProductSpec, make_product
from s2fetch.errors import AreaError, ConfigError, QueryError, UsageError
from s2fetch.query import AreaRelation
from tests.area.shapes import coast

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SPEC = ProductSpec(sensing=datetime(2024, 6, 1, 10, tzinfo=UTC), tile="32TQM")


def loaded(**options: object) -> Config:
    return load_config(None, {k.replace("_", "-"): v for k, v in options.items()}, {}, NOW)


def from_file(folder: Path, content: str) -> Config:
    (folder / "archive.toml").write_text(content, encoding="utf-8")
    return load_config(folder / "archive.toml", {}, {}, NOW)


def test_several_files_are_one_area_wherever_they_are_named(tmp_path: Path) -> None:
    """A list in the file, options given several times; a comma is part of a name."""
    (tmp_path / "a, b.wkt").write_text("POLYGON((0 0,1 0,1 1,0 1,0 0))")
    (tmp_path / "c.wkt").write_text("POLYGON((1 0,2 0,2 1,1 1,1 0))")
    both = shapely.box(0, 0, 2, 1)
    in_file = from_file(tmp_path, 'area-file = ["a, b.wkt", "c.wkt"]\n')
    assert shapely.from_wkt(in_file.query.area).equals(both)
    given = loaded(area_file=(str(tmp_path / "a, b.wkt"), str(tmp_path / "c.wkt")))
    assert given.query.area == in_file.query.area
    one = from_file(tmp_path, 'area-file = "c.wkt"\n')
    assert shapely.from_wkt(one.query.area).equals(shapely.box(1, 0, 2, 1))


def test_the_ground_of_tiles_is_an_area_and_no_restriction_of_tiles() -> None:
    """Products of neighbouring tiles and of other missions lie on it too."""
    query = loaded(area_tile=("T32TQM,32TPM",)).query
    assert query.tiles == ()
    assert shapely.from_wkt(query.area).covers(shapely.Point(12.0, 41.9))
    assert query.area == loaded(area_tile=("32TQM", "32TPM")).query.area


def test_a_product_on_disk_is_read_at_once(tmp_path: Path) -> None:
    """Relative to the file that names it, or by a path with a slash."""
    entry = make_product(tmp_path, SPEC)
    expected = shapely.from_wkt(entry.footprint)
    config = from_file(tmp_path, f'area-product = "{SPEC.name}.zip"\n')
    assert config.area_product is None
    assert shapely.from_wkt(config.query.area).equals(expected)
    with pytest.raises(AreaError, match=r"--area-product: cannot read .*gone\.SAFE: No such file"):
        loaded(area_product=str(tmp_path / "gone.SAFE"))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (SPEC.name, SPEC.name),
        (SPEC.name.removesuffix(".SAFE"), SPEC.name),
        ("S1A_IW_GRDH_1SDV_20240601", "S1A_IW_GRDH_1SDV_20240601"),
    ],
)
def test_a_product_that_is_not_on_disk_is_left_to_be_looked_up(given: str, name: str) -> None:
    """That needs the hub, and this is only the configuration."""
    config = loaded(area_product=given)
    assert config.area_product == name
    assert config.query.area is None


def test_a_name_that_no_product_has_is_refused() -> None:
    """Before anything is asked."""
    with pytest.raises(QueryError, match="--area-product: 'S2A\\*' is not a product's name"):
        loaded(area_product="S2A*")


def test_there_can_only_be_one_area_and_the_message_names_those_given(tmp_path: Path) -> None:
    """Two on the command line, or two in the file; one of each is no contradiction."""
    with pytest.raises(UsageError, match="only be one area of interest, not --box and --area-tile"):
        loaded(box="11,46,12,47", area_tile=("32TQM",))
    every = {
        "box": "11,46,12,47",
        "wkt": "POINT(1 1)",
        "area_file": ("a.wkt",),
        "area_tile": ("32TQM",),
        "area_product": "S1A",
    }
    with pytest.raises(UsageError, match="--box and --wkt and --area-file and --area-tile and"):
        loaded(**every)
    content = 'wkt = "POINT(1 1)"\narea-product = "S1A"\n'
    with pytest.raises(ConfigError, match=r"line 1, wkt and .*line 2, area-product"):
        from_file(tmp_path, content)
    path = tmp_path / "archive.toml"
    config = load_config(path, {"box": "11,46,12,47"}, {}, NOW)
    assert config.area_product is None
    assert config.query.area is not None


def test_a_relation_needs_an_area(tmp_path: Path) -> None:
    """It would else be ignored without a word. Whatever the area comes from."""
    with pytest.raises(UsageError, match=r"--area-relation: there is no area.*area-product"):
        loaded(area_relation="within")
    assert loaded(area_relation="intersects").query.area is None
    assert loaded(area_relation="within", area_product="S1A").area_product == "S1A"
    query = from_file(tmp_path, 'box = "11,46,12,47"\narea-relation = "Contains"\n').query
    assert query.area_relation is AreaRelation.CONTAINS
    with pytest.raises(UsageError, match="'covers' is not one of intersects, contains, within"):
        loaded(box="11,46,12,47", area_relation="covers")


@pytest.mark.parametrize(("given", "share"), [("10", 0.1), ("12.5 %", 0.125), (50, 0.5), (0, 0.0)])
def test_an_overlap_is_in_percent(given: object, share: float) -> None:
    """From options and files."""
    assert loaded(box="11,46,12,47", area_overlap=given).query.area_overlap == share


def test_an_overlap_needs_an_area_and_is_a_percentage() -> None:
    """It would else be ignored, or mean something else."""
    with pytest.raises(UsageError, match=r"--area-overlap: there is no area"):
        loaded(area_overlap="10")
    for wrong in ("101", "-1", "much", "10..20"):
        with pytest.raises(UsageError, match="is not a percentage: write 0 to 100"):
            loaded(box="11,46,12,47", area_overlap=wrong)


def test_a_simplified_area_keeps_its_exact_form(tmp_path: Path) -> None:
    """And the user hears by how much it grew."""
    (tmp_path / "a.wkt").write_text(coast(11, 46, 2, 3_000, seed=1))
    config = loaded(area_file=(str(tmp_path / "a.wkt"),))
    exact = shapely.from_wkt(config.query.area_exact)
    assert shapely.get_num_coordinates(exact) == 3_001
    assert shapely.from_wkt(config.query.area).covers(exact)
    assert "grew by" in config.area_notes[-1]
    assert loaded(box="11,46,12,47").query.area_exact is None


def test_a_mistake_in_an_area_names_the_option_and_the_file(tmp_path: Path) -> None:
    """All mistakes at once, as always."""
    path = tmp_path / "a.wkt"
    path.write_text("POLYGON((0 0,1 1,1 0,0 1,0 0))")
    with pytest.raises(AreaError, match=r"--area-file: .*a\.wkt, line 1: the area crosses itself"):
        loaded(area_file=(str(path),))
    with pytest.raises(UsageError, match=r"line 1, wkt: "):
        from_file(tmp_path, "wkt = 5\n")
    with pytest.raises(UsageError, match=r"(?s)2 mistakes:.*--area-tile: '99X'.*--area-tile: 'x'"):
        loaded(area_tile=("99X", "x", "32TQM"))
