// The table page.
import { showTable } from "./table_panel.js";

showTable(document.getElementById("table-page"));
