import {Component, useState} from "@odoo/owl";
import {Dropdown} from "@web/core/dropdown/dropdown";
import {DropdownItem} from "@web/core/dropdown/dropdown_item";
import {_t} from "@web/core/l10n/translation";
import {describeHealth} from "./health_service";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {user} from "@web/core/user";

/** How the AI service of the current company is, in the top bar. */
export class HealthMenu extends Component {
    static template = "l10n_cl_dte_ai.HealthMenu";
    static components = {Dropdown, DropdownItem};
    static props = {};

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.health = useState(useService("l10n_cl_dte_ai_health"));
        this.queue = useState({count: 0});
        this.isSystem = user.isSystem;
    }

    get status() {
        return this.health.byCompany[user.activeCompany.id];
    }

    get texts() {
        return describeHealth(this.status);
    }

    get label() {
        return _t("AI service: %s", this.texts.label);
    }

    get queueLabel() {
        return _t("Documents in the queue: %s", this.queue.count);
    }

    async loadQueue() {
        this.queue.count = await this.orm.searchCount("l10n_cl_dte_ai.validation", [
            ["state", "in", ["pending", "sending"]],
        ]);
    }

    openQueue() {
        this.action.doAction("l10n_cl_dte_ai.action_validation", {
            additionalContext: {search_default_queue: 1},
        });
    }

    openSettings() {
        this.action.doAction("account.action_account_config");
    }
}

registry
    .category("systray")
    .add("l10n_cl_dte_ai.health_menu", {Component: HealthMenu}, {sequence: 30});
