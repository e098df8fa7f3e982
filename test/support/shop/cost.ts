/** What a question costs, counted as Shopify says it does: an object a point, a list at its `first`, 2 for each connection, and 10 a mutation. */
import { getNamedType, isCompositeType, isObjectType, Kind, OperationTypeNode, valueFromASTUntyped } from 'graphql';
import type { DocumentNode, FragmentDefinitionNode, GraphQLNamedType, GraphQLSchema, SelectionSetNode } from 'graphql';

type Variables = Readonly<Record<string, unknown>>;

export function requestedCost(schema: GraphQLSchema, document: DocumentNode, variables: Variables): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const root = schema.getQueryType();

  function cost(set: SelectionSetNode, type: GraphQLNamedType | null | undefined): number {
    let sum = 0;
    let dearest = 0;
    for (const node of set.selections) {
      if (node.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(node.name.value);
        if (fragment !== undefined)
          sum += cost(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value));
      } else if (node.kind === Kind.INLINE_FRAGMENT) {
        // One kind answers: the dearest counts.
        const name = node.typeCondition?.name.value;
        dearest = Math.max(dearest, cost(node.selectionSet, name === undefined ? type : schema.getType(name)));
      } else if (node.selectionSet !== undefined && isObjectType(type)) {
        const field = type.getFields()[node.name.value];
        const named = field === undefined ? undefined : getNamedType(field.type);
        if (named === undefined || !isCompositeType(named) || named.name === 'PageInfo') continue;
        const args = Object.fromEntries(
          (node.arguments ?? []).map((each) => [each.name.value, valueFromASTUntyped(each.value, { ...variables })]),
        );
        const inner = cost(node.selectionSet, named);
        const many =
          typeof args['first'] === 'number' ? args['first'] : Array.isArray(args['ids']) ? args['ids'].length : 1;
        if (named.name.endsWith('Connection')) sum += 2 + many * inner;
        else sum += node.name.value === 'nodes' && !Array.isArray(args['ids']) ? 1 + inner : many * (1 + inner);
      }
    }
    return sum + dearest;
  }
  let total = 0;
  for (const node of document.definitions)
    if (node.kind === Kind.OPERATION_DEFINITION)
      total += node.operation === OperationTypeNode.MUTATION ? 10 : cost(node.selectionSet, root);
  return Math.max(1, total);
}

/** The objects that were answered. */
export function actualCost(data: unknown): number {
  if (Array.isArray(data)) return data.reduce((sum: number, each: unknown) => sum + actualCost(each), 0);
  if (typeof data !== 'object' || data === null) return 0;
  return Object.values(data).reduce((sum: number, each: unknown) => sum + actualCost(each), 1);
}
