"""The demo's pictures, drawn anew each time: no file has to be shipped, and the date on the card is right."""

from __future__ import annotations

from math import cos, radians, sin

from spilno.exchange.demo.drawing import (
    AMBER,
    CREAM,
    DEEP,
    GREEN,
    INDIGO,
    INK,
    LILAC,
    MUTED,
    NIGHT,
    PEACH,
    ROSE,
    SKY,
    WHITE,
    Canvas,
    Colour,
)

POST = (1080, 1350)  # 4:5, the tallest a feed takes
SQUARE = (1080, 1080)
WIDE = (1200, 900)
STORY = (1080, 1920)


def evening(size: tuple[int, int], *, title: str, date: str, place: str) -> bytes:
    """A city after work, with the event's name and date."""
    c = Canvas(*size)
    w, h = size
    c.gradient(DEEP, (214, 120, 96), until=0.82)
    c.glow(w * 0.76, h * 0.52, w * 0.3, AMBER, 200)
    c.circle(w * 0.76, h * 0.52, w * 0.11, PEACH)
    _skyline(c, h * 0.76)
    c.mark(98, 104, 22, WHITE)
    c.text(164, 84, "Delivery House", 34, WHITE, weight="SemiBold")
    y = c.text(80, h * 0.16, title, 132 if w == h or w < 1100 else 112, WHITE, lead=1.06)
    c.text(
        82,
        y + 18,
        "зустріч проєктних менеджерів\nбез презентацій на сто слайдів",
        38,
        (236, 232, 255),
        weight="Medium",
        lead=1.35,
    )
    c.pill(80, h - 238, date, 40, AMBER, NIGHT)
    c.text(82, h - 122, place, 34, WHITE, weight="Medium")
    return c.jpeg()


def speakers() -> bytes:
    """Two people who will speak."""
    c = Canvas(*POST, ground=CREAM)
    c.mark(98, 104, 22)
    c.text(164, 84, "Agile після роботи", 34, INK, weight="SemiBold")
    c.text(80, 200, "Хто говоритиме", 96, INK)
    rows = (
        ("Ірина Левченко", "як команда з 40 людей\nперестала ходити на мітинги", INDIGO, LILAC, (46, 34, 30)),
        ("Максим Ткач", "три ретро, які\nнічого не змінили", AMBER, (255, 232, 196), (120, 66, 30)),
    )
    y = 380
    for name, topic, colour, ground, hair in rows:
        c.box((80, y, 1000, y + 400), WHITE, 36)
        _face(c, 280, y + 200, 150, colour, ground, hair)
        c.text(490, y + 104, name, 54, INK)
        c.text(490, y + 190, topic, 36, MUTED, weight="Medium", lead=1.35)
        y += 440
    c.text(80, 1276, "Вхід вільний, місць 60", 36, INDIGO, weight="SemiBold")
    return c.jpeg()


def seats(*, taken: int, of: int) -> bytes:
    """How many seats are taken, one dot each."""
    c = Canvas(*POST, ground=INDIGO)
    c.glow(880, 240, 420, (124, 120, 240), 170)
    c.text(80, 90, "Agile після роботи", 38, (222, 221, 255), weight="SemiBold")
    c.text(72, 170, str(of - taken), 380, WHITE)
    c.text(80, 590, "вільних місць", 92, WHITE)
    across, gap = 10, 92
    for number in range(of):
        x, y = 116 + number % across * gap, 790 + number // across * 78
        if number < taken:
            c.circle(x, y, 26, AMBER)
        else:
            c.ring(x, y, 26, (170, 168, 246), 5)
    c.text(80, 1264, "Займіть своє: реєстрація за посиланням", 36, (222, 221, 255), weight="Medium")
    return c.jpeg()


def programme() -> bytes:
    """What will happen when."""
    c = Canvas(*WIDE, ground=CREAM)
    c.box((0, 0, 1200, 24), INDIGO)
    c.text(70, 80, "Програма вечора", 76, INK)
    rows = (
        ("18:30", "Кава й знайомство", AMBER),
        ("19:00", "Дві короткі історії про провали", INDIGO),
        ("19:45", "Круглий стіл: запитання із зали", INDIGO),
        ("20:20", "Обмін книгами та розмови", AMBER),
    )
    c.box((288, 250, 294, 790), LILAC)
    for number, (time, what, colour) in enumerate(rows):
        y = 270 + number * 150
        c.text(70, y - 6, time, 52, INK, weight="SemiBold")
        c.circle(291, y + 26, 24, CREAM)
        c.circle(291, y + 26, 16, colour)
        c.text(356, y - 2, what, 46, INK, weight="Medium")
    return c.jpeg()


def quote(words: str, who: str) -> bytes:
    """Somebody's words."""
    c = Canvas(*SQUARE, ground=AMBER)
    c.glow(160, 980, 520, (252, 196, 110), 190)
    for x in (80, 200):
        c.circle(x + 44, 168, 44, NIGHT)
        c.shape(
            [(x + 88, 168), (x + 88, 250), (x + 34, 282), (x + 22, 256), (x + 52, 228), (x + 44, 200)], NIGHT
        )
    y = c.wrapped(80, 330, words, 72, NIGHT, 930)
    c.box((80, y + 40, 200, y + 48), NIGHT)
    c.text(80, y + 84, who, 38, NIGHT, weight="Medium")
    return c.jpeg()


def invitation() -> bytes:
    """Bring a colleague: two chairs, one free."""
    c = Canvas(*POST, ground=LILAC)
    c.glow(540, 900, 560, WHITE, 230)
    c.text(80, 110, "Приводьте\nколегу", 138, DEEP, lead=1.05)
    c.text(84, 440, "удвох сміливіше ставити питання", 42, INDIGO, weight="Medium")
    _chair(c, 300, 820, INDIGO)
    _chair(c, 780, 820, AMBER)
    _person(c, 300, 760, INDIGO)
    c.ring(780, 700, 74, AMBER, 8)
    c.text(780, 664, "?", 72, AMBER, anchor="ma")
    c.text(80, 1264, "Agile після роботи · Київ", 36, DEEP, weight="SemiBold")
    return c.jpeg()


def question() -> bytes:
    """A story that asks."""
    c = Canvas(*STORY)
    c.gradient(INDIGO, DEEP)
    c.glow(860, 420, 460, AMBER, 120)
    c.text(90, 300, "Що у вашій\nкоманді\nне працює,\nхоч усі так\nроблять?", 116, WHITE, lead=1.1)
    c.box((90, 1110, 990, 1330), WHITE, 40)
    c.text(140, 1186, "Напишіть тут свою відповідь…", 46, MUTED, weight="Medium")
    c.text(
        90,
        1410,
        "Найцікавіше розберемо\nна зустрічі «Agile після роботи»",
        46,
        (222, 221, 255),
        weight="Medium",
        lead=1.35,
    )
    return c.jpeg()


def last_call() -> bytes:
    """The last day to register."""
    c = Canvas(*POST, ground=NIGHT)
    c.glow(540, 560, 460, INDIGO, 190)
    c.ring(540, 560, 300, WHITE, 22)
    for number in range(12):
        x, y = _around(540, 560, 250, number * 30)
        c.circle(x, y, 10 if number % 3 else 17, AMBER if number == 7 else WHITE)
    c.line([(540, 560), _around(540, 560, 190, 0)], WHITE, 18)
    c.line([(540, 560), _around(540, 560, 150, 200)], AMBER, 22)
    c.circle(540, 560, 24, WHITE)
    c.text(540, 960, "Завтра о 18:30", 104, WHITE, anchor="ma")
    c.text(540, 1110, "реєстрація закривається сьогодні", 42, (208, 206, 250), weight="Medium", anchor="ma")
    return c.jpeg()


# ---------------------------------------------------------------------------------------------------- books


COVERS: tuple[tuple[str, Colour, Colour, int], ...] = (
    ("Лідерство", INDIGO, PEACH, 0),
    ("Scrum\nпросто", AMBER, NIGHT, 1),
    ("Довіра", ROSE, CREAM, 2),
    ("Kanban", DEEP, AMBER, 3),
    ("Розмови,\nщо важать", GREEN, CREAM, 4),
    ("Ризики", SKY, DEEP, 5),
    ("Команда", CREAM, INDIGO, 2),
    ("Проєкт\nі люди", NIGHT, ROSE, 0),
    ("Час", PEACH, DEEP, 3),
    ("Agile", LILAC, INDIGO, 1),
    ("Чути", (94, 68, 140), PEACH, 4),
    ("Рішення", (34, 110, 130), CREAM, 5),
)


def books(size: tuple[int, int], headline: str, note: str, *, begin: int = 0, ground: Colour = DEEP) -> bytes:
    """A collage of covers under a headline."""
    c = Canvas(*size, ground=ground)
    w, h = size
    tall = h > 1.5 * w
    dark = sum(ground) < 380
    c.glow(w * 0.5, h * 0.62, w * 0.6, INDIGO if dark else WHITE, 150)
    columns, rows = (3, 3) if tall else (4, 2)
    wide = w / (columns + 0.35)
    top = h * (0.36 if tall else 0.40)
    for number in range(columns * rows):
        column, row = number % columns, number // columns
        cover = _cover(COVERS[(begin + number) % len(COVERS)], int(wide * 0.84), int(wide * 0.84 * 1.38))
        x = w * 0.5 + (column - (columns - 1) / 2) * wide
        y = top + wide * 0.6 + row * wide * 1.28
        c.turned(cover, x, y, (-5, 4, -3, 6, 3, -4)[(number + begin) % 6])
    head, quiet = (WHITE, (214, 212, 250)) if dark else (INK, MUTED)
    c.text(80, h * (0.1 if tall else 0.09), headline, 92 if tall else 84, head, lead=1.08)
    c.text(82, h * 0.31, note, 40, quiet, weight="Medium")
    return c.jpeg()


def _cover(of: tuple[str, Colour, Colour, int], width: int, height: int) -> Canvas:
    title, ground, ink, pattern = of
    c = Canvas(width, height, ground)
    w, h = float(width), float(height)
    if pattern == 0:
        for number in range(4):
            c.ring(w * 0.5, h * 0.69, w * (0.09 + number * 0.1), ink, w * 0.025)
    elif pattern == 1:
        for number in range(6):
            c.box(
                (
                    w * (0.12 + number * 0.13),
                    h * (0.9 - 0.08 * (number + 1)),
                    w * (0.2 + number * 0.13),
                    h * 0.9,
                ),
                ink,
                4,
            )
    elif pattern == 2:
        c.circle(w * 0.38, h * 0.7, w * 0.24, ink)
        c.circle(w * 0.66, h * 0.7, w * 0.24, (*ink, 150))
    elif pattern == 3:
        for number in range(3):
            c.box(
                (w * 0.14, h * (0.56 + number * 0.13), w * (0.86 - number * 0.2), h * (0.64 + number * 0.13)),
                ink,
                6,
            )
    elif pattern == 4:
        c.box((w * 0.14, h * 0.55, w * 0.68, h * 0.74), ink, 22)
        c.box((w * 0.36, h * 0.77, w * 0.88, h * 0.92), (*ink, 160), 22)
    else:
        c.shape([(w * 0.1, h * 0.92), (w * 0.42, h * 0.54), (w * 0.66, h * 0.92)], ink)
        c.shape([(w * 0.45, h * 0.92), (w * 0.7, h * 0.66), (w * 0.93, h * 0.92)], (*ink, 150))
    c.box((0, 0, w * 0.045, h), (0, 0, 0, 46))
    size = max(14, int(w * (0.15 if max(map(len, title.split("\n"))) > 8 else 0.17)))
    c.text(w * 0.14, h * 0.1, title, size, ink, lead=1.12)
    return c


# ------------------------------------------------------------------------------------------------------ parts


def _skyline(c: Canvas, ground: float) -> None:
    houses = (
        0.0,
        0.16,
        0.12,
        0.26,
        0.16,
        0.2,
        0.30,
        0.14,
        0.42,
        0.24,
        0.5,
        0.12,
        0.58,
        0.2,
        0.68,
        0.28,
        0.78,
        0.13,
        0.86,
        0.22,
    )
    for number in range(0, len(houses), 2):
        left, high = houses[number] * c.width, houses[number + 1] * c.height * 0.62
        right = left + c.width * (0.13 if number % 4 else 0.15)
        c.box((left, ground - high, right, c.height), (26, 22, 66) if number % 4 else (36, 30, 84))
        y = ground - high + 34
        row = 0
        while y < c.height - 40:
            x = left + 22
            column = 0
            while x < right - 30:
                lit = (row * 7 + column * 5 + number * 3) % 6
                if lit < 2:
                    c.box((x, y, x + 16, y + 24), (*AMBER, 235) if lit else (*PEACH, 215), 3)
                x, column = x + 38, column + 1
            y, row = y + 52, row + 1
    # the lower part is quiet, because words stand on it
    for step in range(30):
        top = c.height - 330 + step * 11
        c.box((0, top, c.width, top + 11), (*NIGHT, min(235, step * 9)))


def _face(c: Canvas, x: float, y: float, size: float, colour: Colour, ground: Colour, hair: Colour) -> None:
    c.circle(x, y, size, ground)
    skin = (246, 206, 176)
    c.box((x - size * 0.62, y + size * 0.38, x + size * 0.62, y + size * 1.02), colour, size * 0.32)
    c.box((x - size * 0.16, y + size * 0.16, x + size * 0.16, y + size * 0.5), skin, size * 0.14)
    c.circle(x, y - size * 0.2, size * 0.47, hair)
    c.circle(x, y - size * 0.1, size * 0.38, skin)
    c.box((x - size * 0.4, y - size * 0.52, x + size * 0.4, y - size * 0.28), hair, size * 0.14)
    c.circle(x - size * 0.14, y - size * 0.08, size * 0.036, INK)
    c.circle(x + size * 0.14, y - size * 0.08, size * 0.036, INK)
    c.draw.arc(
        [one * 2 for one in (x - size * 0.15, y - size * 0.06, x + size * 0.15, y + size * 0.14)],
        20, 160, fill=(150, 74, 60), width=int(size * 0.06),
    )  # fmt: skip


def _chair(c: Canvas, x: float, y: float, colour: Colour) -> None:
    c.box((x - 130, y - 40, x - 104, y + 330), colour, 12)
    c.box((x - 130, y + 120, x + 130, y + 156), colour, 14)
    c.box((x + 104, y + 130, x + 130, y + 330), colour, 12)
    c.box((x - 118, y - 40, x - 60, y + 40), (*colour, 150), 18)


def _person(c: Canvas, x: float, y: float, colour: Colour) -> None:
    c.circle(x, y - 74, 74, (246, 206, 176))
    c.circle(x, y - 104, 70, (70, 46, 38))
    c.circle(x + 4, y - 62, 60, (246, 206, 176))
    c.box((x - 84, y + 12, x + 84, y + 186), colour, 56)


def _around(x: float, y: float, radius: float, degrees: float) -> tuple[float, float]:
    return x + radius * sin(radians(degrees)), y - radius * cos(radians(degrees))
