"""The names by which `fields=` can ask for parts of a study, and the projection to them.

A field is asked for by its piece name (NCTId, StatusModule), case exact, or by its path
(protocolSection.statusModule.overallStatus). A branch stands for everything below it. Only what the generator
writes is listed; for anything else the sample answers as upstream does for a name that does not exist.
"""

from typing import Any

Mask = dict[str, Any]
"""Wanted fields as nested dictionaries of keys; an empty dictionary wants everything below."""

# Key, then the piece name where it is not the key with a capital first letter.
_TREE = """
protocolSection
  identificationModule
    nctId NCTId
    nctIdAliases NCTIdAlias
    orgStudyIdInfo
      id OrgStudyId
    secondaryIdInfos SecondaryIdInfo
      id SecondaryId
      type SecondaryIdType
      domain SecondaryIdDomain
    organization
      fullName OrgFullName
      class OrgClass
    briefTitle
    officialTitle
    acronym
  statusModule
    statusVerifiedDate
    overallStatus
    lastKnownStatus
    whyStopped
    expandedAccessInfo
      hasExpandedAccess
    startDateStruct
      date StartDate
      type StartDateType
    primaryCompletionDateStruct
      date PrimaryCompletionDate
      type PrimaryCompletionDateType
    completionDateStruct
      date CompletionDate
      type CompletionDateType
    studyFirstSubmitDate
    studyFirstSubmitQcDate StudyFirstSubmitQCDate
    studyFirstPostDateStruct
      date StudyFirstPostDate
      type StudyFirstPostDateType
    resultsFirstSubmitDate
    resultsFirstSubmitQcDate ResultsFirstSubmitQCDate
    resultsFirstPostDateStruct
      date ResultsFirstPostDate
      type ResultsFirstPostDateType
    lastUpdateSubmitDate
    lastUpdatePostDateStruct
      date LastUpdatePostDate
      type LastUpdatePostDateType
  sponsorCollaboratorsModule
    responsibleParty
      type ResponsiblePartyType
      investigatorFullName ResponsiblePartyInvestigatorFullName
      investigatorTitle ResponsiblePartyInvestigatorTitle
      investigatorAffiliation ResponsiblePartyInvestigatorAffiliation
      oldNameTitle ResponsiblePartyOldNameTitle
      oldOrganization ResponsiblePartyOldOrganization
    leadSponsor
      name LeadSponsorName
      class LeadSponsorClass
    collaborators Collaborator
      name CollaboratorName
      class CollaboratorClass
  oversightModule
    oversightHasDmc OversightHasDMC
    isFdaRegulatedDrug IsFDARegulatedDrug
    isFdaRegulatedDevice IsFDARegulatedDevice
  descriptionModule
    briefSummary
    detailedDescription
  conditionsModule
    conditions Condition
    keywords Keyword
  designModule
    studyType
    expandedAccessTypes
      individual ExpAccTypeIndividual
    patientRegistry
    targetDuration
    phases Phase
    designInfo
      allocation DesignAllocation
      interventionModel DesignInterventionModel
      primaryPurpose DesignPrimaryPurpose
      observationalModel DesignObservationalModel
      timePerspective DesignTimePerspective
      maskingInfo DesignMaskingInfo
        masking DesignMasking
        whoMasked DesignWhoMasked
    enrollmentInfo
      count EnrollmentCount
      type EnrollmentType
  armsInterventionsModule
    armGroups ArmGroup
      label ArmGroupLabel
      type ArmGroupType
      description ArmGroupDescription
      interventionNames ArmGroupInterventionName
    interventions Intervention
      type InterventionType
      name InterventionName
      description InterventionDescription
      armGroupLabels InterventionArmGroupLabel
      otherNames InterventionOtherName
  outcomesModule
    primaryOutcomes PrimaryOutcome
      measure PrimaryOutcomeMeasure
      description PrimaryOutcomeDescription
      timeFrame PrimaryOutcomeTimeFrame
    secondaryOutcomes SecondaryOutcome
      measure SecondaryOutcomeMeasure
      description SecondaryOutcomeDescription
      timeFrame SecondaryOutcomeTimeFrame
  eligibilityModule
    eligibilityCriteria
    healthyVolunteers
    sex
    minimumAge
    maximumAge
    stdAges StdAge
    studyPopulation
    samplingMethod
  contactsLocationsModule
    centralContacts CentralContact
      name CentralContactName
      role CentralContactRole
      phone CentralContactPhone
      phoneExt CentralContactPhoneExt
      email CentralContactEMail
    overallOfficials OverallOfficial
      name OverallOfficialName
      affiliation OverallOfficialAffiliation
      role OverallOfficialRole
    locations Location
      facility LocationFacility
      status LocationStatus
      city LocationCity
      state LocationState
      zip LocationZip
      country LocationCountry
      contacts LocationContact
        name LocationContactName
        role LocationContactRole
        phone LocationContactPhone
        phoneExt LocationContactPhoneExt
        email LocationContactEMail
      geoPoint LocationGeoPoint
  referencesModule
    references Reference
      pmid ReferencePMID
      type ReferenceType
      citation ReferenceCitation
  ipdSharingStatementModule IPDSharingStatementModule
    ipdSharing IPDSharing
    description IPDSharingDescription
resultsSection
  participantFlowModule
  baselineCharacteristicsModule
  outcomeMeasuresModule
  adverseEventsModule
  moreInfoModule
annotationSection
  annotationModule
documentSection
  largeDocumentModule
derivedSection
  miscInfoModule
    versionHolder
  conditionBrowseModule
    meshes ConditionMesh
    ancestors ConditionAncestor
    browseLeaves ConditionBrowseLeaf
    browseBranches ConditionBrowseBranch
  interventionBrowseModule
    meshes InterventionMesh
    ancestors InterventionAncestor
    browseLeaves InterventionBrowseLeaf
    browseBranches InterventionBrowseBranch
hasResults
"""

Path = tuple[str, ...]


def _read_tree() -> dict[str, Path]:
    """Every name, be it a piece or a dotted path, with the path it stands for."""
    names: dict[str, Path] = {}
    path: list[str] = []
    for line in _TREE.strip().splitlines():
        key, *piece = line.split()
        depth = (len(line) - len(line.lstrip())) // 2
        path = [*path[:depth], key]
        names[".".join(path)] = tuple(path)
        names[piece[0] if piece else key[0].upper() + key[1:]] = tuple(path)
    return names


FIELDS = _read_tree()
"""Piece name or dotted path -> path."""


def mask_of(names: list[str]) -> Mask:
    """The mask for a list of field names; raises KeyError(name) for one that does not exist."""
    mask: Mask = {}
    for path in sorted((FIELDS[name] for name in names), key=len):
        below = mask
        for key in path:
            if key in below and not below[key]:
                break  # the whole branch is wanted already
            below = below.setdefault(key, {})
    return mask


def project(value: Any, mask: Mask) -> Any:
    """Keep what the mask wants; keys with nothing left are dropped, as upstream drops empty ones."""
    if not mask:
        return value
    if isinstance(value, list):
        return [kept for item in value if (kept := project(item, mask)) not in ({}, [])]
    if not isinstance(value, dict):
        return value
    return {
        key: kept
        for key, item in value.items()
        if key in mask and (kept := project(item, mask[key])) not in ({}, [])
    }
