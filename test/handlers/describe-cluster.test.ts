/** DescribeCluster at all versions. */
import { expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeCluster } from '../../protocol/messages/describe-cluster.ts'
import { describeClusterHandler } from '../../src/handlers/describe-cluster.ts'
import { openCluster } from '../cluster/open-cluster.ts'
import { Client } from './ask.ts'

it.each([0, 1, 2])('v%i shows the brokers that serve, from v2 the others if asked', async (version) => {
  const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
  await brokers[1]?.stop()
  const client = new Client(brokers[0]!)
  const answer = await client.ask(describeClusterHandler, describeCluster, version, {
    includeClusterAuthorizedOperations: true,
    includeFencedBrokers: version === 2,
    endpointType: 1,
  })
  expect(answer).toMatchObject({
    errorCode: 0,
    clusterId: cluster.clusterId,
    controllerId: 1,
    clusterAuthorizedOperations: 8096,
  })
  const shown = answer.brokers.map(({ brokerId, host, port, isFenced }) => [brokerId, host, port, isFenced])
  const alive = [1, 'localhost', 9092, false]
  expect(shown).toEqual(version === 2 ? [alive, [2, 'localhost', 9093, true]] : [alive])
  await cluster.close()
})

it('is a broker, not a controller', async () => {
  const { cluster, brokers } = await openCluster()
  const client = new Client(brokers[0]!)
  const ask = async (endpointType: number) => {
    const answer = await client.ask(describeClusterHandler, describeCluster, 2, { endpointType })
    return [answer.errorCode, answer.errorMessage, answer.brokers.length]
  }
  expect(await ask(2)).toEqual([
    errorCode('MISMATCHED_ENDPOINT_TYPE'),
    'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
    0,
  ])
  expect(await ask(7)).toEqual([errorCode('UNSUPPORTED_ENDPOINT_TYPE'), 'Unsupported endpoint type 7', 0])
  await cluster.close()
})
