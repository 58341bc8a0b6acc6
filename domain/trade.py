"""What trade calls goods and countries by: GTINs, customs codes, ISO countries."""

import re
from typing import Final

# Source: GS1 General Specifications, 7.9: GTIN-8, -12, -13 and -14 share one check digit.
GTIN_LENGTHS: Final = (8, 12, 13, 14)
# Six digits are the world's; eight and ten are those of a customs union or a country.
HS_CODE: Final = re.compile(r"^[0-9]{6}(?:[0-9]{2}){0,2}$")
DIGITS: Final = re.compile(r"^[0-9]+$")
# Source: ISO 3166-1 alpha-2, officially assigned.
COUNTRIES: Final = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO
    BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ
    DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP
    GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL
    SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM
    US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - read as a text
)


def fault_of_gtin(text: str) -> str | None:
    """Say what is wrong with a barcode's number."""
    if not DIGITS.fullmatch(text) or len(text) not in GTIN_LENGTHS:
        return "a GTIN has 8, 12, 13 or 14 digits"
    expected = check_digit(text[:-1])
    if int(text[-1]) != expected:
        return f"the check digit of {text} must be {expected}"
    return None


def check_digit(digits: str) -> int:
    """Weights 3 and 1 in turn, from the right."""
    total = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return -total % 10


def plain_hs_code(text: str) -> str | None:
    """The code without dots and spaces; None when it is none."""
    plain = text.replace(".", "").replace(" ", "")
    return plain if HS_CODE.fullmatch(plain) else None
