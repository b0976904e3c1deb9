import {BadgeField, badgeField} from "@web/views/fields/badge/badge_field";
import {registry} from "@web/core/registry";

/** A badge's text and colour, as the ribbon of a form. */
export class StateRibbonField extends BadgeField {
    static template = "l10n_cl_dte_ai.StateRibbonField";

    get ribbonClass() {
        const length = this.formattedValue.length;
        const size = (length > 15 && "o_small") || (length > 10 && "o_medium") || "";
        return `${this.badgeClass} ${size}`;
    }
}

registry
    .category("fields")
    .add("l10n_cl_dte_ai_ribbon", {...badgeField, component: StateRibbonField});
