import {Component} from "@odoo/owl";

import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

import {describeHealth} from "./health_service";

/** How an AI service is, on the Settings page: the same words as in the top bar. */
export class HealthField extends Component {
    static template = "l10n_cl_dte_ai.HealthField";
    static props = {...standardFieldProps};

    get texts() {
        const status = this.props.record.data[this.props.name];
        return describeHealth(status || {state: "not_configured"});
    }
}

registry.category("fields").add("l10n_cl_dte_ai_health", {
    component: HealthField,
    supportedTypes: ["json"],
});
