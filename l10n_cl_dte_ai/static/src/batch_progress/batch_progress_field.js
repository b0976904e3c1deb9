import {Component, onWillUnmount, onWillUpdateProps, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

const LABELS = {
    approved: {text: _t("Approved"), className: "text-bg-success"},
    review: {text: _t("To Review"), className: "text-bg-warning"},
    rejected: {text: _t("Rejected"), className: "text-bg-danger"},
    no_opinion: {text: _t("No Opinion"), className: "text-bg-secondary"},
    failed: {text: _t("Failed"), className: "text-bg-danger"},
    cancelled: {text: _t("Cancelled"), className: "text-bg-secondary"},
};

/** How far a batch is; moves by itself, as the bus tells. */
export class BatchProgressField extends Component {
    static template = "l10n_cl_dte_ai.BatchProgressField";
    static props = {...standardFieldProps};

    setup() {
        this.bus = useService("bus_service");
        this.state = useState({progress: this.progressOf(this.props)});
        const update = (progress) => this.update(progress);
        this.bus.subscribe("l10n_cl_dte_ai/batch", update);
        onWillUnmount(() => this.bus.unsubscribe("l10n_cl_dte_ai/batch", update));
        onWillUpdateProps((props) => {
            this.state.progress = this.progressOf(props);
        });
    }

    progressOf(props) {
        return props.record.data[props.name] || {total: 0, answered: 0, counts: {}};
    }

    update(progress) {
        if (progress.id !== this.props.record.resId) {
            return;
        }
        const hasNewState = progress.state !== this.state.progress.state;
        this.state.progress = progress;
        if (hasNewState) {
            // The buttons depend on it.
            this.props.record.load();
        }
    }

    get percent() {
        const {answered, asks, generated, queued, state, total} = this.state.progress;
        if (state === "queueing") {
            return total ? Math.min(Math.round((100 * queued) / total), 100) : 0;
        }
        if (!asks && state === "generating") {
            return total ? Math.round((100 * generated) / total) : 0;
        }
        return total ? Math.round((100 * answered) / total) : 0;
    }

    get label() {
        const {answered, asks, generated, queued, state, total} = this.state.progress;
        if (state === "queueing") {
            return _t("%(queued)s of %(total)s put into the queue", {queued, total});
        }
        return asks
            ? _t("%(answered)s of %(total)s answered", {answered, total})
            : _t("%(generated)s of %(total)s generated", {generated, total});
    }

    get counts() {
        return Object.entries(LABELS)
            .map(([outcome, label]) => ({
                ...label,
                outcome,
                count: this.state.progress.counts[outcome] || 0,
            }))
            .filter(({count}) => count);
    }
}

registry.category("fields").add("l10n_cl_dte_ai_batch_progress", {
    component: BatchProgressField,
    supportedTypes: ["json"],
});
