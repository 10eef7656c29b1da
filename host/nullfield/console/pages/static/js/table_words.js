// The table's state and faults in plain words.
import { number, t } from "./i18n.js";

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

/** Whether the table knows where it stands; after a fault that is not sure. */
export const isHomed = (table) =>
  table.state !== "FAULT" && (table.is_homed ?? !["OFF", "NOT_HOMED", "HOMING"].includes(table.state));

const CODES = ["TABLE_STALL", "TABLE_EMERGENCY_STOP", "TABLE_LIMIT", "TABLE_HOME_NOT_FOUND"];

/** A fault of the table's board as a problem to show; its code finds the plain words. */
export function faultProblem(fault) {
  const name = fault.toUpperCase().replaceAll(/[^A-Z]+/g, "_");
  const code = CODES.find((one) => name.includes(one)) ?? "";
  return { error: fault, hint: "", code };
}
