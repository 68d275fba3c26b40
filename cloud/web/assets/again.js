// Asks for the page again while an answer is awaited, but never from under somebody.
// Without scripts, the page asks by itself.
import { busy } from "./busy.js";

const awaiting = document.querySelector("meta[name=again]");

setInterval(() => busy() || location.reload(), awaiting.content * 1000);
