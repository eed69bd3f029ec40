"""Which words are units: what may follow a number in a measure, in English and Chinese."""

from __future__ import annotations

import re

_SYMBOLS = """
m km cm mm nm µm μm pm mi ft in yd nmi au AU ly pc kpc Mpc
g kg mg µg μg t kt Mt Gt lb lbs oz u Da
s ms ns µs μs min h hr hrs d yr Myr Gyr Ma Ga
Hz kHz MHz GHz THz rpm bpm fps bps kbps Mbps Gbps
W kW MW GW TW mW hp kWh MWh GWh TWh Wh J kJ MJ GJ cal kcal eV keV MeV GeV TeV
V kV mV A mA kA Ah mAh N kN MN Pa kPa MPa GPa hPa bar mbar atm psi K °C °F ° ℃ ℉ C F
l L ml mL cl dl hl ha mol kmol mmol dB lm lx cd T mT Bq Sv mSv Gy Ω kΩ MΩ pH
B kB KB MB GB TB PB KiB MiB GiB TiB bit bits byte bytes px dpi ppi pixel pixels
mph kph km² m² cm² mm² m³ cm³ km³ g₀ kn % ‰ ppm ppb USD EUR GBP CNY JPY RMB MP
"""
_WORDS = """
meter metre kilometer kilometre centimeter centimetre millimeter millimetre micrometer micrometre nanometer
nanometre mile foot feet inch inches yard fathom furlong acre hectare
gram gramme kilogram tonne ton pound ounce stone carat
second minute hour day week month year decade century centuries millisecond microsecond nanosecond
hertz kilohertz megahertz gigahertz watt kilowatt megawatt gigawatt horsepower joule kilojoule calorie volt
ampere amp newton pascal kelvin degree celsius fahrenheit litre liter millilitre milliliter gallon pint barrel
knot mole decibel lumen parsec light-year lightyear light years tesla ohm
kilobyte megabyte gigabyte terabyte dollar euro yuan yen pence
percent people person inhabitant resident passenger seat page storey story floor span step
square cubic per thousand million billion trillion dozen astronomical unit nautical earth solar mass masses radii
"""
_CHINESE = """
米 里 公里 英里 海里 千米 厘米 毫米 微米 纳米 公尺 尺 英尺 寸 英寸 顷 公顷 亩 吨 克
千克 公斤 斤 毫克 升 毫升 度 摄氏度 华氏度 秒 分钟 分 小时 时 天 日 周 个月 年 岁 人
人次 名 位 个 座 层 栋 间 种 件 篇 册 卷 部 台 辆 艘 架 条 根 孔 块 元 美元 欧元
日元 瓦 千瓦 兆瓦 千瓦时 伏 伏特 安 安培 赫兹 帕 千帕 焦耳 光年 天文单位 户 米每秒
公里每小时 千米每秒 字 页 株 棵 只 头 匹 级 处 所 家 克每立方厘米 开尔文 开
"""

SYMBOLS = frozenset(_SYMBOLS.split())
WORDS = frozenset(_WORDS.split())
_MULTIPLES = "(?:[百千万亿]|余|多)*(?:平方|立方)?"
CHINESE_UNIT = re.compile(f"{_MULTIPLES}(?:{'|'.join(sorted(_CHINESE.split(), key=len, reverse=True))})|[百千万亿]+")
_EXPONENT = re.compile(r"(?:\^?[-−⁻]?[0-9¹²³⁴]|⁻[¹²³⁴])$")
_TOKEN = re.compile(r"\s?[^\s,;:.()0-9，。；：（）][^\s,;:()，。；：（）]*")


def is_unit(text: str) -> bool:
    """Whether the whole text is a unit ("km/h", "square metres", "kg m⁻³", "平方公里")."""
    if len(text) > 60:
        return False
    if CHINESE_UNIT.fullmatch(text):
        return True
    parts = [part for part in re.split(r"[/·*⋅()\s]+", text) if part]
    return bool(parts) and parts[0] != "per" and parts[-1] != "per" and all(map(_one, parts))


def unit_at(text: str, start: int) -> int:
    """Where the longest unit that starts at `start` (after at most one space) ends; `start` when there is none."""
    if match := CHINESE_UNIT.match(text, start + (text[start : start + 1] == " ")):
        return match.end()
    ends: list[int] = []
    at = start
    while len(ends) < 4 and (token := _TOKEN.match(text, at)):
        at = token.end()
        ends.append(at)
    for end in reversed(ends):
        closed = end - 1 if text[end - 1] in ".”\"'" else end
        if is_unit(text[start:closed].strip()):
            return closed
    return start


def _one(part: str) -> bool:
    part = _EXPONENT.sub("", part)
    if part in SYMBOLS or part.rstrip(".") in SYMBOLS:
        return True
    lower = part.lower()
    return lower in WORDS or (lower.endswith("s") and lower[:-1] in WORDS)
