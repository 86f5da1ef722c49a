"""What the demo's people wrote: an event with its posts, in the words an SMM and a CM use."""

from __future__ import annotations

from dataclasses import dataclass

from spilno.exchange.demo import pictures

Texts = dict[str, str]

EVENT: Texts = {"uk": "Agile після роботи", "en": "Agile after work", "ru": "Agile после работы"}
TASK: Texts = {
    "uk": "Щоб 60 проєктних менеджерів з інших компаній зареєструвалися на зустріч і прийшли зі своїм запитанням",
    "en": "60 project managers from other companies register for the meetup and come with a question of their own",
    "ru": "Чтобы 60 проектных менеджеров из других компаний зарегистрировались на встречу и пришли со своим вопросом",
}
AUDIENCE: Texts = {
    "uk": "Проєктні менеджери й тімліди Києва, 2–7 років досвіду, які читають нас в Instagram і Facebook, але ще не "
    "були на зустрічах спільноти. Говоримо просто, без бізнес-сленгу.",
    "en": "Project managers and team leads in Kyiv, 2–7 years in the profession, who read us on Instagram and "
    "Facebook and have not been to the community's meetups yet. Plain words, no buzzwords.",
    "ru": "Проектные менеджеры и тимлиды Киева, 2–7 лет опыта, которые читают нас в Instagram и Facebook, но ещё не "
    "были на встречах сообщества. Говорим просто, без бизнес-сленга.",
}
PLACE: Texts = {
    "uk": "Київ, простір «Майстерня», вул. Рейтарська, 8",
    "en": "Kyiv, Maisternia space, 8 Reitarska Street",
    "ru": "Киев, пространство «Майстерня», ул. Рейтарская, 8",
}
BODY: Texts = {
    "uk": "Вечір для тих, хто керує проєктами: дві чесні історії про те, що не спрацювало, круглий стіл із "
    "запитаннями із зали та обмін книгами.\n\nБез презентацій на сто слайдів. Приходьте зі своїм запитанням, "
    "ідіть з відповіддю й кількома новими знайомими.\n\nВхід вільний, місць 60.",
    "en": "An evening for those who lead projects: two honest stories about what did not work, a round table with "
    "questions from the audience, and a book exchange.\n\nNo hundred-slide decks. Come with a question, leave with "
    "an answer and a few new acquaintances.\n\nFree of charge, 60 seats. In Ukrainian.",
    "ru": "Вечер для тех, кто руководит проектами: две честные истории о том, что не сработало, круглый стол с "
    "вопросами из зала и обмен книгами.\n\nБез презентаций на сто слайдов. Приходите со своим вопросом, уходите с "
    "ответом и несколькими новыми знакомыми.\n\nВход свободный, мест 60. На украинском языке.",
}
COMMUNITY: Texts = {
    "uk": "Менторська спільнота",
    "en": "Mentoring community",
    "ru": "Менторское сообщество",
}
NEXT: Texts = {
    "uk": "Менторська програма: весняний набір",
    "en": "Mentoring programme: spring intake",
    "ru": "Менторская программа: весенний набор",
}
NEXT_AUDIENCE: Texts = {
    "uk": "Менеджери-початківці, які прийшли в професію торік.",
    "en": "New managers who came to the profession last year.",
    "ru": "Начинающие менеджеры, которые пришли в профессию в прошлом году.",
}
RESERVE = "reserve-colleague"


@dataclass(frozen=True)
class Visitors:
    """What a post brought to the registration page: people who looked, and people who registered."""

    visits: int
    entries: int


@dataclass(frozen=True)
class Post:
    """A post of the campaign.

    ``day`` counts from today (negative: it is out already), ``time`` is the workspace's wall clock. ``channels``:
    keys, with ``:story`` for a story. ``brought``: by channel key, for posts that are out.
    """

    key: str
    day: int
    time: str
    title: str
    text: str
    channels: tuple[str, ...]
    picture: str = ""
    alt: str = ""
    linked: bool = True
    brought: dict[str, Visitors] | None = None


POSTS: tuple[Post, ...] = (
    Post(
        "announce", -9, "10:00", "Анонс зустрічі",
        "Робочий день закінчився, а запитання лишилися?\n\nЗапрошуємо на «Agile після роботи»: дві чесні історії "
        "про те, що не спрацювало, круглий стіл і обмін книгами. Без презентацій на сто слайдів.\n\n"
        "Вхід вільний, місць 60. Реєструйтеся:",
        ("instagram", "facebook-page"), "evening",
        "Вечірнє місто. Напис: Agile після роботи, зустріч проєктних менеджерів",
        brought={"instagram": Visitors(31, 3), "facebook-page": Visitors(44, 5)},
    ),
    Post(
        "group-invite", -6, "12:10", "Запрошення в групу",
        "Друзі, наступна зустріч нашої спільноти відкрита для всіх: приходьте самі та кличте колег з інших компаній. "
        "Чекаємо на ваші запитання для круглого столу: напишіть їх просто під цим дописом.",
        ("facebook-group",), "evening-wide",
        "Вечірнє місто. Напис: Agile після роботи",
        brought={"facebook-group": Visitors(52, 8)},
    ),
    Post(
        "speakers", -3, "18:00", "Хто говоритиме",
        "Ірина Левченко розповість, як команда із сорока людей перестала ходити на мітинги й нічого не зламала.\n\n"
        "Максим Ткач принесе три ретро, які нічого не змінили, і одне, яке змінило все.\n\n"
        "Яке запитання поставили б їм ви?",
        ("instagram", "facebook-page"), "speakers",
        "Двоє доповідачів: Ірина Левченко та Максим Ткач, і теми їхніх історій",
        brought={"instagram": Visitors(19, 1), "facebook-page": Visitors(27, 3)},
    ),
    Post(
        "question-story", -1, "19:00", "Сторіс: що не працює у вашій команді?",
        "Що у вашій команді не працює, хоч усі так роблять?",
        ("instagram:story",), "question",
        "Сторіс із запитанням: що у вашій команді не працює, хоч усі так роблять?",
        linked=False, brought={},
    ),
    Post(
        "programme", 0, "09:30", "Програма вечора",
        "18:30 кава й знайомство\n19:00 дві короткі історії про провали\n19:45 круглий стіл: запитання із зали\n"
        "20:20 обмін книгами та розмови\n\nПринесіть книгу, яку вже прочитали: хтось саме на неї чекає.",
        ("facebook-page",), "programme",
        "Програма вечора за годинами: кава, дві історії, круглий стіл, обмін книгами",
        brought={"facebook-page": Visitors(6, 0)},
    ),
    Post(
        "seats", 0, "+2", "Лишилося 37 місць",
        "23 місця вже зайняті, 37 чекають. Якщо думаєте, чи йти, то це знак. Посилання на реєстрацію в описі профілю.",
        ("instagram",), "seats",
        "Велике число 37 і шістдесят кружечків: зайняті місця зафарбовані",
    ),
    Post(
        "group-questions", 0, "+4", "Запитання для круглого столу",
        "Ви вже надіслали одинадцять запитань для круглого столу. Оберіть три, які хочете почути першими: "
        "голосування в коментарях. І запросіть колегу з іншої компанії.",
        ("facebook-group",), "",
    ),
    Post(
        "quote", 1, "09:00", "Чому сюди приходять",
        "«Я прийшла за методикою, а пішла з людьми, яким можна подзвонити». Так нам написали після минулої зустрічі. "
        "А чого бракує вам?",
        ("facebook-page", "instagram"), "quote",
        "Цитата: я прийшла за методикою, а пішла з людьми, яким можна подзвонити",
    ),
    Post(
        "group-colleague", 3, "12:00", "Хто з ким іде",
        "Напишіть, з ким ідете, і ми посадимо вас поруч. Або навпаки: скажіть, що йдете самі, і познайомимо.",
        ("facebook-group",), "",
    ),
    Post(
        "last-call", 8, "10:00", "Останній день реєстрації",
        "Завтра о 18:30 зустрічаємося. Реєстрація закривається сьогодні опівночі.",
        ("instagram", "facebook-page"), "last-call",
        "Годинник і напис: завтра о 18:30, реєстрація закривається сьогодні",
    ),
)  # fmt: skip

RESERVE_POST = Post(
    RESERVE, 0, "", "Резерв: приводьте колегу",
    "Удвох сміливіше ставити запитання. Приводьте колегу на «Agile після роботи»: для тих, хто прийде вдвох, "
    "бронюємо місця поруч.",
    ("facebook-page", "instagram"), "invitation",
    "Два стільці, один вільний. Напис: приводьте колегу",
)  # fmt: skip
IDEA = Post(
    "photo-report", 0, "", "Ідея: фотозвіт наступного дня",
    "Дякуємо всім, хто прийшов! Найкращі запитання вечора та фото в каруселі.",
    (), "", linked=False,
)  # fmt: skip

PEOPLE: tuple[tuple[str, str], ...] = (
    ("Анна Савчук", "Студія «Ланка»"), ("Дмитро Кравець", ""), ("Юлія Поліщук", "Вітрило"),
    ("Олег Мороз", "Нова лінія"),
    ("Катерина Лисенко", "Медуниця"), ("Сергій Бойко", ""), ("Наталія Руденко", "Крок Софт"),
    ("Андрій Гончар", "Дельта Логістика"), ("Марія Ткаченко", "Студія «Ланка»"), ("Віктор Шевчук", "Оберіг"),
    ("Софія Клименко", ""), ("Богдан Панченко", "Вітрило"), ("Олександра Коваль", "Рух"),
    ("Павло Кузьменко", "Звʼязок"),
    ("Ірина Зайченко", "Кошик"), ("Максим Литвин", ""), ("Тетяна Вовк", "Крок Софт"), ("Роман Сидоренко", "Кошик"),
    ("Ольга Марченко", "Світлина"), ("Євген Прокопенко", "Оберіг"), ("Дарина Хоменко", ""),
    ("Микола Іщенко", "Пульс"), ("Вікторія Остапчук", "Образ"), ("Артем Назаренко", "Сигма Дім"),
)  # fmt: skip
"""Everybody here, and every company, is made up."""


def draw(name: str, *, date: str, taken: int, of: int) -> bytes:
    """A picture by its name. ``date``: of the event, in words."""
    match name:
        case "evening":
            return pictures.evening(
                pictures.POST, title="Agile\nпісля\nроботи", date=date, place="Київ, простір «Майстерня»"
            )
        case "evening-wide":
            return pictures.evening(
                pictures.WIDE, title="Agile\nпісля роботи", date=date, place="Київ, простір «Майстерня»"
            )
        case "speakers":
            return pictures.speakers()
        case "question":
            return pictures.question()
        case "programme":
            return pictures.programme()
        case "seats":
            return pictures.seats(taken=taken, of=of)
        case "quote":
            return pictures.quote(
                "Я прийшла за методикою, а пішла з людьми, яким можна подзвонити.",
                "учасниця минулої зустрічі",
            )
        case "last-call":
            return pictures.last_call()
        case "invitation":
            return pictures.invitation()
    raise KeyError(name)


CASE_PICTURES: dict[str, tuple[tuple[int, int], str, str, int, tuple[int, int, int]]] = {
    "story-1": (
        pictures.STORY, "Понад 80 книг\nчекають на нових\nчитачів", "спільнота проєктних менеджерів", 0, pictures.DEEP,
    ),
    "story-2": (pictures.STORY, "Обирай книгу —\nроби донат", "усе йде на благодійність", 4, pictures.INDIGO),
    "story-3": (pictures.STORY, "Маєш прочитану?\nПоділись", "хтось саме на неї чекає", 8, pictures.AMBER),
    "story-link": (pictures.STORY, "Каталог —\nза посиланням", "115 книг, обмін за донат", 2, pictures.CREAM),
    "catalogue-post": (
        pictures.WIDE, "Каталог книг спільноти\nвідкрито для всіх", "беріть за донат, додавайте свої", 6,
        pictures.CREAM,
    ),
}  # fmt: skip
"""Pictures for the finished case's posts: size, headline, note, first cover, ground."""
