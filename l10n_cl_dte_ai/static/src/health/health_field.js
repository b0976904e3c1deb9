import {Component, useState} from "@odoo/owl";
import {describeHealth} from "./health_service";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

/** How an AI service is, on the Settings page: the same words as in the top bar. */
export class HealthField extends Component {
    static template = "l10n_cl_dte_ai.HealthField";
    static props = {...standardFieldProps};

    setup() {
        this.health = useState(useService("l10n_cl_dte_ai_health"));
    }

    get texts() {
        const status = this.props.record.data[this.props.name];
        const live = Object.values(this.health.byCompany).find(
            ({id}) => id && id === status?.id
        );
        return describeHealth(live || status || {state: "not_configured"});
    }
}

registry.category("fields").add("l10n_cl_dte_ai_health", {
    component: HealthField,
    supportedTypes: ["json"],
});
