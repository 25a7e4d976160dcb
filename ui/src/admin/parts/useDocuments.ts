/** The list of one kind of document, kept for all pages that need it. */

import { useQuery } from '@tanstack/react-query'

import type { Kept, Resource } from '../../api/administered'

export const useDocuments = <D extends Kept>(resource: Resource<D>) =>
  useQuery({ queryKey: ['admin', resource.bucket], queryFn: resource.list, staleTime: 5_000 })
