import {Component, onWillUnmount, xml} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";
import {useService} from "@web/core/utils/hooks";

/**
 * Shows nothing: the form that it is in reloads when the AI has answered on its
 * document, unless that would lose what somebody has just entered.
 */
export class AnswerReload extends Component {
    static template = xml``;
    static props = {...standardWidgetProps};

    setup() {
        this.bus = useService("bus_service");
        this.notification = useService("notification");
        const answered = ({move_ids: moveIds}) => this.answered(moveIds);
        this.bus.subscribe("l10n_cl_dte_ai/answered", answered);
        onWillUnmount(() => this.bus.unsubscribe("l10n_cl_dte_ai/answered", answered));
    }

    /** The invoice itself, or what a dialog is on. */
    get moveId() {
        const {resId, data} = this.props.record;
        return data.move_id ? data.move_id.id : resId;
    }

    async answered(moveIds) {
        const {record} = this.props;
        if (!moveIds.includes(this.moveId)) {
            return;
        }
        if (await record.isDirty()) {
            this.notification.add(
                _t(
                    "The AI service has answered on this document. Save or discard what you have entered, to see it."
                ),
                {type: "info"}
            );
        } else {
            await record.load();
        }
    }
}

registry
    .category("view_widgets")
    .add("l10n_cl_dte_ai_answer_reload", {component: AnswerReload});
