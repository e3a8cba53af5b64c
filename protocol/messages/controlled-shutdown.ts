import { api, array, int16, int32, int64, type Request, type Response, string } from '../schema/index.ts'

/**
 * ControlledShutdown (key 7): a broker asks a ZooKeeper-time controller to move its leaders away; gone in Kafka 4.
 * v2 brokerEpoch · v3 flexible (KIP-482)
 */
export const controlledShutdown = api({
  key: 7,
  name: 'ControlledShutdown',
  versions: '0-3',
  flexible: '3+',
  request: { brokerId: int32(), brokerEpoch: int64({ versions: '2+', default: -1, js: 'number' }) },
  response: { errorCode: int16(), remainingPartitions: array({ topicName: string(), partitionIndex: int32() }) },
})
export type ControlledShutdownRequest = Request<typeof controlledShutdown>
export type ControlledShutdownResponse = Response<typeof controlledShutdown>
