// The table's state and faults in plain words.
import { explain, number, t } from "./i18n.js";

const STATES = {
  OFF: t("The table's drive is off."),
  NOT_HOMED: t("The table does not know where it stands. Send it home first."),
  HOMING: t("The table looks for its home position."),
  IDLE: t("The table stands still."),
  MOVING: t("The table moves."),
  FAULT: t("The table has stopped because of a fault."),
};

export function stateWords(table) {
  const words = STATES[table.state] ?? table.state;
  if (table.state === "MOVING" && table.target_mm !== null) return t("The table moves to {mm} mm.", { mm: number(table.target_mm, 1) });
  return words;
}

/** Whether the table knows where it stands. */
export const isHomed = (table) => table.is_homed ?? !["OFF", "NOT_HOMED", "HOMING"].includes(table.state);

const CODES = ["TABLE_STALL", "TABLE_EMERGENCY_STOP", "TABLE_LIMIT", "TABLE_HOME_NOT_FOUND"];
const STALL = {
  happened: t("Something holds the table back: its motor could not move it, so it stopped by itself."),
  remedy: t("Look after the patient. Take away what is in the way, clear the fault, and send the table home: after a stall its position is not sure."),
};

/** A fault of the table's board as a problem to show: with the plain words where the code is known. */
export function faultProblem(fault) {
  const name = fault.toUpperCase().replaceAll(/[^A-Z]+/g, "_");
  const code = CODES.find((one) => name.includes(one)) ?? "";
  if (code === "TABLE_STALL" && !explain(code)) return { error: `${STALL.happened} (${fault})`, hint: STALL.remedy, code: "" };
  return { error: fault, hint: "", code };
}
