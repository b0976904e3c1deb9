import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

/**
 * A list of findings: {severity, message, record, id, decision}. `record` is where to
 * mend it, as {model, id, name}, or false. `id` is of one that a person can call not
 * useful, and `decision` what was decided on it.
 */
export class FindingsField extends Component {
    static template = "l10n_cl_dte_ai.FindingsField";
    static props = {...standardFieldProps};

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
    }

    get findings() {
        return this.props.record.data[this.props.name] || [];
    }

    severityLabel({severity}) {
        return severity === "error" ? _t("Error") : _t("Warning");
    }

    linkLabel({name}) {
        return _t("Open %s", name);
    }

    async dismiss({id}) {
        await this.orm.call("l10n_cl_dte_ai.finding", "action_not_useful", [[id]]);
        // All of it: it may have been the last thing that stood against the document.
        await this.props.record.model.load();
    }

    openRecord({model, id}) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
            target: "current",
        });
    }
}

registry.category("fields").add("l10n_cl_dte_ai_findings", {
    component: FindingsField,
    supportedTypes: ["json"],
});
