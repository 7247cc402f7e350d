"""The kinds of scan that can be drawn, as data.

A new kind is a new entry of the table. Two numbers in a pair are a range; one draw from it is made for every scan.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Colour = tuple[int, int, int]  # red, green, blue; 0..255, as seen in good light
Range = tuple[float, float]  # lowest, highest
Ruling = Literal["ruled", "graph", "box", "table", "slivers", "margin"]

WHITES: tuple[Colour, ...] = ((252, 252, 252), (244, 244, 242), (236, 236, 238))
CREAMS: tuple[Colour, ...] = ((250, 243, 222), (244, 234, 208), (240, 232, 214))
YELLOWS: tuple[Colour, ...] = ((252, 240, 150), (248, 232, 130), (250, 242, 172))
NEWSPRINTS: tuple[Colour, ...] = ((214, 208, 196), (226, 221, 212), (203, 194, 178), (221, 211, 206), (168, 186, 202))
GREYS: tuple[Colour, ...] = ((176, 178, 178), (190, 192, 192), (163, 173, 188), (205, 203, 198))

BLACKS: tuple[Colour, ...] = ((24, 24, 28), (42, 40, 40))
BLUES: tuple[Colour, ...] = ((38, 42, 140), (52, 58, 170), (40, 84, 168), (26, 30, 96))
REDS: tuple[Colour, ...] = ((190, 32, 44), (160, 26, 60))
GREENS: tuple[Colour, ...] = ((26, 112, 66), (22, 90, 84))
GRAPHITES: tuple[Colour, ...] = ((84, 84, 88), (104, 104, 106), (66, 66, 70))
CHALKS: tuple[Colour, ...] = ((238, 238, 230), (240, 228, 160), (244, 206, 206))
BOARDS: tuple[Colour, ...] = ((38, 62, 52), (44, 48, 50), (30, 34, 38))
WHITE: tuple[Colour, ...] = ((255, 255, 255),)
BLACK: tuple[Colour, ...] = ((0, 0, 0),)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of scan: what lies on the table, and what looks at it."""

    about: str
    # Size and place
    side: Range = (90, 260)  # px, the frame's height
    aspect: Range = (0.8, 1.25)  # the frame's width / height
    fill: Range = (0.4, 0.85)  # the digit's longer side as a share of the frame's
    wander: float = 0.6  # 0 centred .. 1 anywhere in the frame
    clip: float = 0.0  # chance that the frame cuts off up to an eighth of the digit
    # Pen
    stroke: Range = (0.05, 0.14)  # pen width as a share of the digit's height: the caller draws the amount so
    ink: tuple[Colour, ...] = BLACKS
    density: Range = (0.8, 1.0)  # how much of the ink's colour the pen leaves
    flow: Range = (0.0, 0.2)  # slow change of density along the stroke
    tooth: Range = (0.0, 0.1)  # ink missing in the paper's pits: pencil, chalk
    # Paper
    paper: tuple[Colour, ...] = WHITES
    grain: Range = (1.0, 3.0)  # grey levels, fibres
    blotch: Range = (0.5, 2.0)  # grey levels, clouds
    show_through: Range = (0.0, 0.0)  # print of the other side, share of black
    halftone: Range = (0.0, 0.0)  # printed tint, share of black in its dots
    creases: int = 0  # at most so many folds
    rulings: tuple[Ruling, ...] = ()
    ruling_ink: tuple[Colour, ...] = ((150, 180, 214), (168, 186, 196))
    ruling_width: Range = (0.006, 0.014)  # share of the frame's height
    specks: tuple[int, int] = (0, 0)  # dust and toner, how many
    # Light and eye
    exposure: Range = (0.95, 1.0)  # share of full white
    light: Range = (0.0, 0.04)  # fall of the light over the frame
    vignette: Range = (0.0, 0.0)  # darker corners
    shadow: float = 0.0  # chance of a shadow's edge across the frame
    blur: Range = (0.4, 0.8)  # px, standard deviation
    sharpen: Range = (0.0, 0.0)  # light rims of a phone's sharpening
    noise: Range = (0.5, 2.0)  # grey levels, sensor
    grey: bool = False  # seen in grey: the picture has no colour axis
    threshold: bool = False  # made 1-bit: every pixel 0 or 255
    jpeg: tuple[int, int] | None = None  # quality


_KINDS: dict[str, Kind] = {
    "flatbed": Kind(
        about="pen on white paper, flatbed scanner, grey",
        grey=True,
        paper=(*WHITES, (224, 224, 224)),
        ink=(*BLACKS, *BLUES, *GRAPHITES),
        creases=1,
    ),
    "cream-card": Kind(
        about="black or red ink on a cream card",
        paper=CREAMS,
        ink=(*BLACKS, *REDS),
        flow=(0.05, 0.3),
        light=(0.0, 0.12),
        jpeg=(60, 92),
    ),
    "legal-pad": Kind(
        about="blue or black ballpoint on a yellow legal pad, red margin",
        paper=YELLOWS,
        ink=(*BLUES, *BLACKS),
        stroke=(0.04, 0.1),
        rulings=("ruled", "margin"),
        flow=(0.1, 0.35),
        light=(0.05, 0.2),
        jpeg=(50, 90),
    ),
    "newsprint": Kind(
        about="blue pen in a newspaper puzzle, phone photo: texture, show-through, printed box",
        side=(64, 150),
        aspect=(0.92, 1.08),
        fill=(0.5, 0.85),
        wander=0.9,
        paper=NEWSPRINTS,
        ink=(*BLUES, *BLUES, *BLACKS),
        stroke=(0.07, 0.14),
        flow=(0.1, 0.4),
        tooth=(0.0, 0.25),
        grain=(3.0, 7.0),
        blotch=(2.0, 5.0),
        show_through=(0.0, 0.12),
        rulings=("slivers",),
        ruling_ink=((52, 52, 54), (90, 88, 86)),
        ruling_width=(0.012, 0.03),
        exposure=(0.75, 1.08),
        light=(0.05, 0.25),
        blur=(0.6, 1.1),
        sharpen=(0.0, 0.6),
        noise=(1.0, 3.0),
        jpeg=(35, 85),
    ),
    "newsprint-tint": Kind(
        about="the same in a cell printed with a halftone tint",
        side=(64, 150),
        aspect=(0.92, 1.08),
        fill=(0.5, 0.85),
        wander=0.9,
        paper=((150, 172, 192), (176, 176, 174), (196, 182, 170), (150, 160, 160)),
        ink=(BLUES[0], BLUES[3], *BLACKS),
        stroke=(0.08, 0.15),
        flow=(0.1, 0.3),
        grain=(2.0, 5.0),
        blotch=(1.0, 4.0),
        halftone=(0.08, 0.22),
        rulings=("slivers",),
        ruling_ink=((52, 52, 54),),
        ruling_width=(0.012, 0.03),
        exposure=(0.8, 1.05),
        light=(0.05, 0.25),
        blur=(0.5, 0.9),
        noise=(1.0, 3.0),
        jpeg=(35, 85),
    ),
    "pencil": Kind(
        about="pencil on ruled paper",
        ink=GRAPHITES,
        stroke=(0.05, 0.1),
        density=(0.55, 0.9),
        flow=(0.15, 0.4),
        tooth=(0.3, 0.7),
        rulings=("ruled",),
        light=(0.02, 0.15),
        noise=(1.0, 2.5),
        jpeg=(55, 92),
    ),
    "felt-table": Kind(
        about="felt pen in a ruled table: slivers of its lines at the edges",
        ink=(*BLACKS, *BLUES, *REDS, *GREENS),
        stroke=(0.09, 0.2),
        fill=(0.5, 0.9),
        wander=1.0,
        clip=0.1,
        rulings=("slivers",),
        ruling_ink=((40, 40, 42), (110, 110, 112)),
        ruling_width=(0.008, 0.03),
        light=(0.02, 0.15),
        jpeg=(50, 92),
    ),
    "box": Kind(
        about="a form's box, all its four lines in the picture",
        fill=(0.35, 0.65),
        wander=0.4,
        ink=(*BLACKS, *BLUES),
        rulings=("box",),
        ruling_ink=((30, 30, 32), (120, 120, 122), (214, 120, 110), (120, 160, 130)),
        ruling_width=(0.006, 0.02),
        jpeg=(60, 92),
    ),
    "fax": Kind(
        about="thresholded: 1 bit, broken strokes, specks",
        grey=True,
        threshold=True,
        stroke=(0.05, 0.13),
        density=(0.75, 1.0),
        flow=(0.05, 0.3),
        tooth=(0.1, 0.45),
        grain=(4.0, 12.0),
        blotch=(2.0, 6.0),
        specks=(0, 12),
        noise=(3.0, 8.0),
    ),
    "tablet-white": Kind(
        about="thin pen of a drawing program, black on white",
        side=(280, 1080),
        aspect=(0.75, 1.4),
        fill=(0.25, 0.7),
        wander=0.5,
        stroke=(0.006, 0.05),
        ink=BLACK,
        density=(1.0, 1.0),
        flow=(0.0, 0.0),
        tooth=(0.0, 0.0),
        paper=WHITE,
        grain=(0.0, 0.0),
        blotch=(0.0, 0.0),
        exposure=(1.0, 1.0),
        light=(0.0, 0.0),
        blur=(0.3, 0.5),
        noise=(0.0, 0.0),
        grey=True,
    ),
    "tablet-black": Kind(
        about="thin pen of a drawing program, white on black",
        side=(280, 1080),
        aspect=(0.75, 1.4),
        fill=(0.25, 0.7),
        wander=0.5,
        stroke=(0.006, 0.05),
        ink=WHITE,
        density=(1.0, 1.0),
        flow=(0.0, 0.0),
        tooth=(0.0, 0.0),
        paper=BLACK,
        grain=(0.0, 0.0),
        blotch=(0.0, 0.0),
        exposure=(1.0, 1.0),
        light=(0.0, 0.0),
        blur=(0.3, 0.5),
        noise=(0.0, 0.0),
        grey=True,
    ),
    "mnist": Kind(
        about="white on black, 28 x 28, as MNIST",
        side=(28, 28),
        aspect=(1.0, 1.0),
        fill=(20 / 28, 20 / 28),
        wander=0.3,
        stroke=(0.08, 0.2),
        ink=WHITE,
        density=(1.0, 1.0),
        flow=(0.0, 0.0),
        tooth=(0.0, 0.0),
        paper=BLACK,
        grain=(0.0, 0.0),
        blotch=(0.0, 0.0),
        exposure=(1.0, 1.0),
        light=(0.0, 0.0),
        blur=(0.3, 0.4),
        noise=(0.0, 0.0),
        grey=True,
    ),
    "chalk": Kind(
        about="chalk on a board: light on dark, dusty",
        ink=CHALKS,
        paper=BOARDS,
        stroke=(0.06, 0.16),
        density=(0.7, 1.0),
        flow=(0.1, 0.4),
        tooth=(0.3, 0.8),
        grain=(2.0, 5.0),
        blotch=(2.0, 7.0),
        exposure=(0.8, 1.1),
        light=(0.1, 0.3),
        blur=(0.5, 1.0),
        noise=(1.0, 4.0),
        jpeg=(50, 90),
    ),
    "photo": Kind(
        about="phone photo of a sheet: shadow edge, dark corners, thin pen, wide margins",
        side=(180, 420),
        aspect=(0.75, 1.35),
        fill=(0.2, 0.6),
        stroke=(0.03, 0.09),
        paper=(*GREYS, *WHITES),
        ink=(*BLACKS, *BLUES, *REDS),
        flow=(0.05, 0.3),
        grain=(2.0, 5.0),
        blotch=(1.0, 4.0),
        creases=2,
        exposure=(0.8, 1.15),
        light=(0.05, 0.3),
        vignette=(0.05, 0.35),
        shadow=0.7,
        blur=(0.5, 1.2),
        sharpen=(0.0, 0.5),
        noise=(1.5, 5.0),
        jpeg=(40, 85),
    ),
    "tiny": Kind(
        about="cut tight and tiny, 8 to 16 px",
        side=(8, 16),
        aspect=(0.8, 1.1),
        fill=(0.85, 1.0),
        stroke=(0.12, 0.2),
        ink=(*BLACKS, *BLUES),
        blur=(0.3, 0.4),
        grey=True,
    ),
    "cut-off": Kind(
        about="segmented carelessly: the frame cuts the digit, JPEG at its worst",
        side=(50, 120),
        fill=(0.75, 1.0),
        wander=1.0,
        clip=0.9,
        ink=(*BLACKS, *BLUES, *GREENS),
        paper=(*WHITES, *CREAMS),
        flow=(0.0, 0.3),
        light=(0.0, 0.2),
        jpeg=(20, 50),
    ),
    "graph": Kind(
        about="pen on squared paper",
        ink=(*BLUES, *BLACKS, *GRAPHITES),
        stroke=(0.05, 0.1),
        fill=(0.35, 0.75),
        rulings=("graph",),
        light=(0.02, 0.15),
        jpeg=(50, 92),
    ),
}

KINDS: MappingProxyType[str, Kind] = MappingProxyType(_KINDS)
"""Every kind of scan by its name."""
