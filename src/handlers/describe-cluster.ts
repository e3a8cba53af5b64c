/** DescribeCluster: cluster id, controller, and the brokers of the listener that the client came on. */
import { KafkaError } from '../../protocol/errors.ts'
import { describeCluster } from '../../protocol/messages/describe-cluster.ts'
import { clusterResource } from '../security/acl.ts'
import { authorizedOperations } from './authorized-operations.ts'
import { handle } from './handler.ts'

/** KIP-919: 1 asks a broker for brokers, 2 a controller for controllers. */
const brokerEndpoints = 1
const controllerEndpoints = 2

export const describeClusterHandler = handle(describeCluster, {
  serve({ endpointType, includeFencedBrokers, includeClusterAuthorizedOperations }, { cluster, connection, access }) {
    if (endpointType === controllerEndpoints) {
      throw new KafkaError(
        'MISMATCHED_ENDPOINT_TYPE',
        'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
      )
    }
    if (endpointType !== brokerEndpoints) {
      throw new KafkaError('UNSUPPORTED_ENDPOINT_TYPE', `Unsupported endpoint type ${endpointType}`)
    }
    const mayDescribe = access.isAllowed('Cluster', clusterResource, 'Describe')
    const operations = mayDescribe ? authorizedOperations(access, 'Cluster', clusterResource) : 0
    return {
      clusterId: cluster.clusterId,
      controllerId: cluster.controllerId,
      brokers: cluster
        .nodes(connection.listener, { includeFenced: includeFencedBrokers })
        .map(({ nodeId, host, port, rack, isFenced }) => ({ brokerId: nodeId, host, port, rack, isFenced })),
      ...(includeClusterAuthorizedOperations ? { clusterAuthorizedOperations: operations } : {}),
    }
  },
  fail: (_request, errorCode, _context, errorMessage) => ({ errorCode, errorMessage }),
})
