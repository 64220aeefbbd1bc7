"""Names as the missions make them, put together field by field at their places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from hypothesis import strategies as st

from tests.drawing import one_of

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
WORD = UPPER + DIGITS

S1_TYPES = ("RAW_", "SLC_", "GRDF", "GRDH", "GRDM", "OCN_", "SL1_")
S3_TYPES = (
    "OL_1_EFR___",
    "OL_2_LFR___",
    "SL_1_RBT___",
    "SR_2_LAN_HY",
    "SY_2_SYN___",
    "SR_1_SRA_BS",
)
S5P_TYPES = ("L2__NO2___", "L2__CH4___", "L2__O3_TCL", "L1B_RA_BD1", "L1B_IR_UVN", "AUX_CTMANA")
S6_TYPES = ("P4_2__LR_____", "P4_1B_HR_____", "MW_2__AMR____")
TILES = ("32TQM", "01CCV", "60WWT", "54PXA")


def stamp(moment: datetime) -> str:
    """A time as names have it."""
    return f"{moment:%Y%m%dT%H%M%S}"


@cache
def digits(number: int) -> st.SearchStrategy[str]:
    """So many digits."""
    return st.text(DIGITS, min_size=number, max_size=number)


hexadecimals = st.text("0123456789ABCDEF", min_size=6, max_size=6)


@cache
def words(number: int) -> st.SearchStrategy[str]:
    """So many capital letters and digits."""
    return st.text(WORD, min_size=number, max_size=number)


_FIRST = datetime(2014, 4, 3, tzinfo=UTC)
moments = st.integers(0, 500_000_000).map(lambda seconds: _FIRST + timedelta(seconds=seconds))
stretches = st.integers(30, 6000).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def s1_names(draw: st.DrawFn) -> str:
    """Sentinel-1 images: 67 characters, 71 with COG."""
    start = draw(moments)
    mode = draw(one_of("S1", "S6", "IW", "EW", "WV", "N1"))
    kind = draw(one_of(*S1_TYPES))
    made = draw(one_of("1S", "0S", "2S", "1A")) + draw(one_of("DV", "SH", "SV", "__"))
    return (
        f"S1{draw(one_of(*'ABCD'))}_{mode}_{kind}_{made}_{stamp(start)}"
        f"_{stamp(start + draw(stretches))}_{draw(digits(6))}_{draw(hexadecimals)}"
        f"_{draw(hexadecimals)[:4]}{draw(one_of('', '_COG'))}.SAFE"
    )


@st.composite
def s1_auxiliary_names(draw: st.DrawFn) -> str:
    """Sentinel-1 auxiliary data: 45 characters."""
    return (
        f"S1{draw(one_of(*'AB_'))}_AUX_{draw(one_of('INS', 'PP1', 'CAL'))}"
        f"_V{stamp(draw(moments))}_G{stamp(draw(moments))}.SAFE"
    )


@st.composite
def orbit_names(draw: st.DrawFn) -> str:
    """Orbit files: 73 characters."""
    start = draw(moments)
    kind = draw(one_of("AUX_POEORB", "AUX_RESORB", "AUX_PREORB"))
    return (
        f"S{draw(one_of(*'12'))}{draw(one_of(*'AB'))}_OPER_{kind}_"
        f"{draw(one_of('OPOD', 'POD_'))}_{stamp(draw(moments))}_V{stamp(start)}"
        f"_{stamp(start + draw(stretches))}.EOF"
    )


@st.composite
def s2_names(draw: st.DrawFn) -> str:
    """Sentinel-2 images: 60 characters."""
    return (
        f"S2{draw(one_of(*'ABC'))}_MSI{draw(one_of('L1C', 'L2A'))}"
        f"_{stamp(draw(moments))}_N{draw(digits(4))}_R{draw(digits(3))}"
        f"_T{draw(one_of(*TILES))}_{stamp(draw(moments))}.SAFE"
    )


@st.composite
def s2_old_names(draw: st.DrawFn) -> str:
    """Sentinel-2 images before December 2016: 78 characters."""
    start = draw(moments)
    return (
        f"S2{draw(one_of(*'AB'))}_{draw(one_of('OPER', 'USER'))}_PRD_MSI"
        f"{draw(one_of('L1C', 'L2A'))}_{draw(one_of('PDMC', 'PDG_'))}"
        f"_{stamp(draw(moments))}_R{draw(digits(3))}_V{stamp(start)}"
        f"_{stamp(start + draw(stretches))}.SAFE"
    )


@st.composite
def s3_names(draw: st.DrawFn) -> str:
    """Sentinel-3: 94 characters; frames, stripes, tiles and global composites."""
    start = draw(moments)
    end = start + draw(stretches)
    cycle_and_orbit = f"{draw(digits(4))}_{draw(digits(3))}_{draw(digits(3))}_"
    instance = draw(
        one_of(
            f"{cycle_and_orbit}____",
            f"{cycle_and_orbit}2160",
            "GLOBAL___________",
            "WEST_ASIA________",
        )
    )
    return (
        f"S3{draw(one_of(*'AB_'))}_{draw(one_of(*S3_TYPES))}_{stamp(start)}"
        f"_{stamp(end)}_{stamp(end + draw(stretches))}_{instance}_{draw(words(3))}"
        f"_{draw(one_of(*'OFDR'))}_{draw(one_of('NR', 'ST', 'NT'))}"
        f"_{draw(digits(3))}.SEN3"
    )


@st.composite
def s5p_names(draw: st.DrawFn) -> str:
    """Sentinel-5P: 83 characters."""
    start = draw(moments)
    end = start + draw(stretches)
    stream = draw(one_of("NRTI", "OFFL", "RPRO", "TEST", "PAL_"))
    return (
        f"S5P_{stream}_{draw(one_of(*S5P_TYPES))}_{stamp(start)}_{stamp(end)}"
        f"_{draw(digits(5))}_{draw(digits(2))}_{draw(digits(6))}"
        f"_{stamp(end + draw(stretches))}.nc"
    )


@st.composite
def s6_names(draw: st.DrawFn) -> str:
    """Sentinel-6 packages: 98 characters."""
    start = draw(moments)
    end = start + draw(stretches)
    return (
        f"S6{draw(one_of(*'AB'))}_{draw(one_of(*S6_TYPES))}_{stamp(start)}"
        f"_{stamp(end)}_{stamp(end + draw(stretches))}_{draw(digits(4))}_{draw(digits(3))}"
        f"_{draw(digits(3))}_{draw(digits(3))}_EUM__OPE"
        f"_{draw(one_of('NR', 'ST', 'NT'))}_F{draw(digits(2))}.SEN6"
    )


@st.composite
def s6_file_names(draw: st.DrawFn) -> str:
    """Sentinel-6 measurement files: 64 characters."""
    start = draw(moments)
    return (
        f"S6{draw(one_of(*'AB'))}_{draw(one_of(*S6_TYPES))}"
        f"_{draw(one_of('NR', 'ST', 'NT'))}_{draw(digits(3))}_{draw(digits(3))}"
        f"_{stamp(start)}_{stamp(start + draw(stretches))}_F{draw(digits(2))}.nc"
    )


@st.composite
def smos_names(draw: st.DrawFn) -> str:
    """SMOS: 60 characters."""
    start = draw(moments)
    return (
        f"SM_{draw(one_of('OPER', 'REPR', 'REPB'))}"
        f"_{draw(one_of('MIR_SMUDP2', 'MIR_SCSF1C', 'MIR_OSUDP2', 'MIR_SC_F1B'))}"
        f"_{stamp(start)}_{stamp(start + draw(stretches))}_{draw(digits(3))}_{draw(digits(3))}"
        f"_{draw(digits(1))}"
    )


FAMILIES = {
    "SENTINEL-1": st.one_of(s1_names(), s1_auxiliary_names()),
    "SENTINEL-2": st.one_of(s2_names(), s2_old_names()),
    "SENTINEL-3": s3_names(),
    "SENTINEL-5P": s5p_names(),
    "SENTINEL-6": st.one_of(s6_names(), s6_file_names()),
    "SMOS": smos_names(),
}
"""Names by collection, as the catalogue lists them; orbit files are of two."""

names = st.one_of(*FAMILIES.values(), orbit_names())
"""Names of any family."""
