#!/bin/sh
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
# The deployment guide's command: how the service of compose.yaml does. With
# --baseline save and --baseline compare it keeps figures; see ai_service/monitor.py.
cd "$(dirname "$0")/../.." || exit 2
exec docker compose exec -T ai-service \
    python -m ai_service monitor --file /tmp/ai_service_baseline.json "$@"
