// The engineer's page: each panel looks after itself.
import { showArray } from "./array_view.js";
import { showBoards } from "./boards_panel.js";
import { showCalibration } from "./calibration_panel.js";
import { showCoils } from "./coils.js";
import { showEvents } from "./events_panel.js";
import { showRecorderPanel } from "./recorder_panel.js";
import { showSettings } from "./settings_panel.js";
import { showSpectra } from "./spectra.js";
import { showTraces } from "./traces.js";

const at = (id) => document.getElementById(id);

showArray(at("array-panel"));
showTraces(at("traces-panel"), showSpectra(at("spectra-panel")));
showCoils(at("coils-panel"));
showBoards(at("boards-panel"), showRecorderPanel(at("recorder-panel")));
showSettings(at("settings-panel"));
showEvents(at("events-panel"));
showCalibration(at("calibration-panel"));
