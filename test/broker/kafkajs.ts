/** test: kafkajs as the client of a broker. */
import { Kafka, logLevel } from 'kafkajs'
import type { RunningBroker } from '../../src/broker.ts'

export function client(broker: RunningBroker, retries = 10): Kafka {
  return new Kafka({
    clientId: 'test',
    brokers: broker.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries },
  })
}
