/** The profiles that a start can have, and the largest screen that each allows. */

import { useQuery } from '@tanstack/react-query'

import * as api from '../api/client'
import type { Profile } from '../api/types'
import { queries } from '../app/place'

const ALL = ['profiles']

export const useProfiles = () =>
  useQuery({ queryKey: ALL, queryFn: async () => (await api.profiles()).profiles, staleTime: 300_000 })

const heard = () => queries.getQueryData<Profile[]>(ALL)

/** Whether its limits are known here: a bookmark may bring one that is not offered. */
export const isOffered = (profile: string): boolean => heard()?.some((one) => one.name === profile) ?? false

/** The one that was chosen last, unless it is not offered any more. */
export const stillOffered = (profile: string): string => (!heard() || isOffered(profile) ? profile : 'default')

/** As it was last heard of; empty where there is no limit. */
export const largestOf = (profile: string): string => heard()?.find((one) => one.name === profile)?.maximumGeometry ?? ''
