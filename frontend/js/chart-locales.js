// How d3 writes numbers and dates in the three languages.
const number = (decimal, thousands, currency) => ({ decimal, thousands, grouping: [3], currency, minus: "−", percent: decimal === "," ? "\u00a0%" : "%" });
const time = (days, shortDays, months, shortMonths) => ({ dateTime: "%-d %B %Y, %H:%M", date: "%d.%m.%Y", time: "%H:%M", periods: ["", ""], days, shortDays, months, shortMonths });

export const locales = {
  uk: {
    number: number(",", "\u00a0", ["", "\u00a0₴"]),
    time: time(
      ["неділя", "понеділок", "вівторок", "середа", "четвер", "п’ятниця", "субота"],
      ["нд", "пн", "вт", "ср", "чт", "пт", "сб"],
      ["січня", "лютого", "березня", "квітня", "травня", "червня", "липня", "серпня", "вересня", "жовтня", "листопада", "грудня"],
      ["січ", "лют", "бер", "кві", "тра", "чер", "лип", "сер", "вер", "жов", "лис", "гру"],
    ),
  },
  ru: {
    number: number(",", "\u00a0", ["", "\u00a0₴"]),
    time: time(
      ["воскресенье", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота"],
      ["вс", "пн", "вт", "ср", "чт", "пт", "сб"],
      ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"],
      ["янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"],
    ),
  },
  en: {
    number: number(".", ",", ["₴", ""]),
    time: time(
      ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"],
      ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
      ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
      ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    ),
  },
};
