import {Component} from "@odoo/owl";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

/** A table of {label, value, baseline}. */
export class FiguresField extends Component {
    static template = "l10n_cl_dte_ai.FiguresField";
    static props = {...standardFieldProps};

    get figures() {
        return this.props.record.data[this.props.name] || [];
    }
}

registry.category("fields").add("l10n_cl_dte_ai_figures", {
    component: FiguresField,
    supportedTypes: ["json"],
});
