/** process: what a broker's quotas are made of: windows, and limits of connections that follow its configs. */
import type { Broker } from '../cluster/broker.ts'
import type { BrokerConfig } from '../config/index.ts'
import type { Listener } from '../network/index.ts'
import { AddressRates } from '../quotas/address-rates.ts'
import { BrokerQuotas } from '../quotas/broker-quotas.ts'
import type { ClientQuotas } from '../quotas/client-quotas.ts'
import { connectionLimitsOf } from '../quotas/connection-limits.ts'
import { ConnectionQuotas } from '../quotas/connection-quotas.ts'
import type { QuotaWindow } from '../quotas/quota-rate.ts'
import { type Clock, realClock } from '../runtime/clock.ts'
import { systemHostNames } from '../runtime/host-names.ts'
import type { Logger } from '../runtime/logger.ts'
import { nextTurn } from '../runtime/turns.ts'

export function openQuotas(config: BrokerConfig, quotas: ClientQuotas, clock: Clock): BrokerQuotas {
  return new BrokerQuotas({
    quotas,
    clock,
    window: quotaWindowOf(config),
    controllerWindow: {
      samples: config.get('controller.quota.window.num'),
      sampleMs: config.get('controller.quota.window.size.seconds') * 1000,
    },
  })
}

export interface OpenedConnectionQuotas {
  readonly admission: ConnectionQuotas
  close(): void
}

/** Limits follow the broker's configs while it runs. `listeners`: its own. */
export async function openConnectionQuotas(
  broker: Broker,
  listeners: readonly Listener[],
  clientQuotas: ClientQuotas,
  logger: Logger,
): Promise<OpenedConnectionQuotas> {
  const names = listeners.map(({ name }) => name)
  const using = { hostNames: systemHostNames, logger }
  const window = quotaWindowOf(broker.config)
  const admission = new ConnectionQuotas({
    clock: realClock,
    limits: await connectionLimitsOf(broker.config, names, using),
    rates: new AddressRates(clientQuotas, systemHostNames, window),
    window,
    interBrokerListener: interBrokerListenerOf(broker.config),
    closeIdlest: (name) => listeners.find((each) => each.name === name)!.closeIdlest(),
  })
  const stopHearing = broker.cluster.onBrokerConfigChanged(() => {
    const { config } = broker
    void connectionLimitsOf(config, names, using).then(async (limits) => {
      await nextTurn() // whoever has set them is answered, even if nobody may be connected any more
      if (broker.config === config) admission.setLimits(limits)
    })
  })
  const close = (): void => {
    stopHearing()
    admission.close()
  }
  return { admission, close }
}

function quotaWindowOf(config: BrokerConfig): QuotaWindow {
  return { samples: config.get('quota.window.num'), sampleMs: config.get('quota.window.size.seconds') * 1000 }
}

function interBrokerListenerOf(config: BrokerConfig): string {
  return (config.get('inter.broker.listener.name') ?? config.get('security.inter.broker.protocol')).toUpperCase()
}
