// The script of every page: htmx for partial updates, and a few helpers, one file each.
import htmx from "htmx.org";
import { autosave } from "./autosave.js";
import { composers } from "./composer.js";
import { confirmations } from "./confirm.js";
import { counters } from "./counter.js";
import { dialogs } from "./dialogs.js";
import { dropzones } from "./dropzone.js";
import { figures } from "./lazy.js";
import { boards } from "./ideas.js";
import { invalid } from "./invalid.js";
import { keys } from "./keys.js";
import { menus } from "./menus.js";
import { stepsBack } from "./moves.js";
import { planChanges, plans } from "./plan.js";
import { pins } from "./pins.js";
import { previews } from "./preview.js";
import { requests } from "./requests.js";
import { scrollers } from "./scrollers.js";
import { tabs } from "./tabs.js";
import { theme } from "./theme.js";
import { toasts } from "./toasts.js";
import { uploads, uploadWatch } from "./uploads.js";

window.htmx = htmx;

// 422 brings a form back with its errors; everything else that failed leaves the page as it is.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "422", swap: true },
  { code: "[45]..", swap: false, error: true },
];
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false; // the pages' security policy forbids it, too: no filters in hx-trigger, no "js:" values
htmx.config.historyCacheSize = 0; // going back asks the server: a calendar from ten minutes ago misleads

// Helpers that listen on the document once …
for (const start of [theme, toasts, requests, confirmations, dialogs, menus, keys, invalid, uploadWatch, stepsBack, planChanges]) start();
// … and those that look at new parts of the page, at the start and after each htmx swap.
const parts = [autosave, counters, dropzones, uploads, composers, previews, figures, pins, scrollers, tabs, plans, boards];
htmx.onLoad((element) => parts.forEach((look) => look(element)));
